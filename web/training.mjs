// SPDX-License-Identifier: MIT
// A network in training: in slices, so that the page answers meanwhile. Slicing changes no bit.
import { ACTIVATIONS, INITS, LEARNING_RATES, LOSSES, PARTNERS, RULES } from "./generated.mjs";
import { Core, DIVERGED } from "./core.mjs";
import { named } from "./datasets.mjs";
import { DivergedError, ShapeError } from "./errors.mjs";
import { check } from "./experiment.mjs";
import { sha256 } from "./sha256.mjs";

const LOG_SIZE = 4096; // epochs that a slice can log
const CURVE_MOST = 2048; // points of a curve
const FIRST_BUDGET = 100000; // rows times parameters of the first slice
const STOPS = { 1: "gradient", 2: "mu" }; // of the rule of Levenberg and Marquardt

/** The losses of logged epochs, every `stride`-th of them, so that a long training needs no more memory. */
export class Curve {
  constructor() {
    this.stride = 1;
    this.points = []; // [epoch, loss]
  }

  add(epoch, loss) {
    if (epoch % this.stride) return;
    this.points.push([epoch, loss]);
    if (this.points.length > CURVE_MOST) {
      this.stride *= 2;
      this.points = this.points.filter(([each]) => each % this.stride === 0);
    }
  }
}

export class Training {
  /** Of the options of an experiment. OptionError, ShapeError, DataError. */
  static async make(given) {
    const experiment = check(given);
    const { data, data_seed } = experiment;
    const rows = typeof data === "string" ? await named(data, data_seed) : data;
    return new Training(experiment, rows, await Core.make());
  }

  constructor(experiment, { x, y }, core) {
    const { sizes, activation, bias, rule, shuffle_seed } = experiment;
    this.experiment = experiment;
    this.core = core;
    this.x = x;
    this.y = y;
    this.rows = x.length;
    this.loss = LOSSES.indexOf(experiment.loss);
    this.inputs = sizes[0];
    this.outputs = sizes[sizes.length - 1];
    for (const [name, rows, width] of [
      ["inputs", x, this.inputs],
      ["outputs", y, this.outputs],
    ]) {
      if (rows[0].length !== width) {
        throw new ShapeError(`the data have ${rows[0].length} ${name}, the network ${sizes.join("-")} has ${width}`);
      }
    }
    this.activationCodes = activation.map((name) => ACTIVATIONS.indexOf(name));
    this.count = core.c.set_shape(
      core.copyWords(sizes),
      core.copyWords(this.activationCodes),
      sizes.length,
      Number(bias),
    );
    this.nodes = sizes.slice(1).reduce((sum, size) => sum + size, 0);
    const bySteps = rule !== "levenberg_marquardt";
    const workSize = bySteps ? core.c.steps_size(RULES.indexOf(rule)) : core.c.levenberg_size();
    this.parameters = core.takeDoubles(this.count);
    this.work = core.takeDoubles(workSize >>> 0);
    this.order = shuffle_seed === null ? 0 : core.take(4 * this.rows);
    this.log = core.takeDoubles(LOG_SIZE);
    this.predictWork = core.takeDoubles(core.c.predict_size());
    this.figure = core.takeDoubles(1);
    this.constants = core.takeDoubles(5);
    this.inputRows = core.copyDoubles(x.flat());
    this.targetRows = core.copyDoubles(y.flat());
    core.c.set_data(this.inputRows, this.targetRows, this.rows);
    this.rewind();
  }

  /** Back to the initial weights, which have the same bits each time. */
  rewind() {
    const { core, experiment } = this;
    const { seed, init, rule, batch_size, shuffle_seed, learning_rate, options } = experiment;
    const { weight_decay = 0, decay_biases = false, ...constants } = options;
    const code = RULES.indexOf(rule);
    core.expectOk(core.c.init(this.parameters, seed, INITS.indexOf(init)));
    core.doubles(this.constants, 5).fill(0).set(Object.values(constants));
    core.expectOk(
      rule === "levenberg_marquardt"
        ? core.c.start_levenberg(this.loss, this.constants)
        : core.c.start_steps(
            this.order,
            Math.min(batch_size ?? this.rows, this.rows),
            this.loss,
            code,
            Number(shuffle_seed !== null),
            shuffle_seed ?? 0n,
            learning_rate ?? 0,
            weight_decay,
            Number(decay_biases),
            this.constants,
          ),
    );
    this.slices = (this.slices ?? 0) + 1; // counts what may have changed the parameters
    this.epoch = 0;
    this.logged = 0;
    this.curve = new Curve();
    this.stopped = null; // why it cannot go on: "diverged", "gradient" or "mu"
    this.budget = Math.max(1, Math.floor(FIRST_BUDGET / this.count));
  }

  /** Whether it stands between two epochs, where it has a fingerprint that Python can reach. */
  get betweenEpochs() {
    return this.core.c.epochs_begun() === this.epoch;
  }

  /** Trains for about so many milliseconds, at most to that epoch; returns whether there is more to do. */
  run(until, milliseconds) {
    while (this.stopped === null && this.epoch < until) {
      const started = performance.now();
      this.slice(until, this.budget);
      const elapsed = performance.now() - started;
      const factor = Math.min(2, milliseconds / Math.max(elapsed, 0.01));
      this.budget = Math.max(1, Math.min(2 ** 40, Math.floor(this.budget * factor)));
      if (elapsed > milliseconds / 2) break;
      milliseconds -= elapsed;
    }
    return this.stopped === null && this.epoch < until;
  }

  /** Trains a slice of so many rows. */
  slice(until, budget) {
    const { core } = this;
    const status = core.expectOk(
      core.c.train_slice(this.log, this.parameters, this.work, this.order, BigInt(until), BigInt(budget), LOG_SIZE),
    );
    this.slices++;
    this.epoch = core.c.epochs_done();
    const entropy = this.experiment.loss in PARTNERS;
    const divisor = entropy ? this.rows : this.rows * this.outputs;
    const errors = core.doubles(this.log, LOG_SIZE);
    for (let i = 0; this.logged < this.epoch; i++, this.logged++) {
      this.curve.add(this.logged, errors[i] / divisor);
    }
    if (status === DIVERGED) this.stopped = "diverged";
    else if (status > 0) this.stopped = STOPS[status];
  }

  /** The error of a training that diverged. */
  divergence() {
    const { rule, learning_rate } = this.experiment;
    const cures = { rprop: "try a smaller step_max", levenberg_marquardt: "begin with smaller weights" };
    const cure = rule in LEARNING_RATES ? `learning_rate was ${learning_rate}: try a smaller one` : cures[rule];
    const what = "its error, or a parameter after it, is not finite; the network is back at that epoch's start";
    return new DivergedError(
      `training diverged in epoch ${this.epoch}: ${what}. ${cure}, or scale the data`,
      this.epoch,
    );
  }

  /** The loss that is measured: mse, as by Network.loss; of softmax outputs, which have no other, cross_entropy. */
  get measure() {
    const { activation } = this.experiment;
    return activation[activation.length - 1] === "softmax" ? "cross_entropy" : "mse";
  }

  /** The loss of the present parameters on the rows that it trains on. */
  measured() {
    if (this.measuredAt !== this.slices) {
      this.measuredAt = this.slices;
      this.measuredLoss = this.measureNow();
    }
    return this.measuredLoss;
  }

  measureNow() {
    const { core } = this;
    const data = [this.inputRows, this.targetRows, this.rows, LOSSES.indexOf(this.measure)];
    core.expectOk(core.c.loss_of(this.figure, this.predictWork, this.parameters, ...data));
    return core.doubles(this.figure, 1)[0];
  }

  /** The network's bytes (docs/contract.md §11). */
  encoded() {
    const { core } = this;
    const size = core.c.encode_size();
    this.codeBytes ??= core.take(size);
    core.expectOk(core.c.encode(this.codeBytes, this.parameters));
    return core.bytes(this.codeBytes, size).slice();
  }

  fingerprint() {
    return sha256(this.encoded());
  }

  /** The outputs for rows, an array of inputs one after the other: a Float64Array. */
  predict(inputs) {
    const { core } = this;
    const rows = inputs.length / this.inputs;
    if (!(this.askedRows >= rows)) {
      this.askedRows = rows;
      this.asked = core.takeDoubles(rows * this.inputs);
      this.answers = core.takeDoubles(rows * this.outputs);
    }
    core.doubles(this.asked, inputs.length).set(inputs);
    core.expectOk(core.c.predict(this.answers, this.predictWork, this.parameters, this.asked, rows));
    return core.doubles(this.answers, rows * this.outputs).slice();
  }

  /** A copy of the parameters. */
  values() {
    return this.core.doubles(this.parameters, this.count).slice();
  }
}
