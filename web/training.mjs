// SPDX-License-Identifier: MIT
// A network in training: in slices, so that the page answers meanwhile. Slicing changes no bit.
import { ACTIVATIONS, INITS, LEARNING_RATES, LOSSES, PARTNERS, RULES } from "./generated.mjs";
import { Core, DIVERGED } from "./core.mjs";
import { named } from "./datasets.mjs";
import { DivergedError, ShapeError } from "./errors.mjs";
import { check } from "./experiment.mjs";
import { featureRows, featuresOfPoints } from "./features.mjs";
import { sha256 } from "./sha256.mjs";
import { split } from "./split.mjs";

const LOG_SIZE = 4096; // epochs that a slice can log
const CURVE_MOST = 2048; // points of a curve
const TEST_MOST = 2e6; // rows held out times parameters, which are measured while it trains
const FIRST_BUDGET = 100000; // rows times parameters of the first slice
const STOPS = { 1: "gradient", 2: "mu" }; // of the rule of Levenberg and Marquardt

/** The losses of logged epochs, every `stride`-th of them, so that a long training needs no more memory. */
export class Curve {
  constructor() {
    this.stride = 1;
    this.points = []; // [epoch, loss]
  }

  /** Another point, or another value of the last one. */
  add(epoch, loss) {
    if (epoch % this.stride) return;
    if (this.points[this.points.length - 1]?.[0] === epoch) this.points.pop();
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
    const { data, data_seed, noise } = experiment;
    const rows = typeof data === "string" ? await named(data, data_seed, noise ?? undefined) : data;
    return new Training(experiment, rows, await Core.make());
  }

  /** `rows`: all of them as the data have them, {x, y}, those that are held out too. */
  constructor(experiment, rows, core) {
    const { features, sizes, activation, bias, rule, shuffle_seed, validation, split_seed } = experiment;
    this.experiment = experiment;
    this.core = core;
    this.all = rows;
    this.axes = rows.x[0].length; // of the data, over which the pictures are
    const columns = features === null ? rows.x : featureRows(rows.x, features);
    const { kept, held } = validation === null ? {} : split(rows.x.length, validation, split_seed, core);
    const take = (values, places) => (places ? places.map((place) => values[place]) : values);
    this.places = kept ?? null; // of the rows that it trains on, where it does not train on all
    this.held = new Set(held);
    const x = (this.x = take(columns, kept));
    const y = (this.y = take(rows.y, kept));
    this.rows = x.length;
    this.loss = LOSSES.indexOf(experiment.loss);
    this.inputs = sizes[0];
    this.outputs = sizes[sizes.length - 1];
    for (const [name, values, width] of [
      [features === null ? "inputs" : "features", x, this.inputs],
      ["outputs", y, this.outputs],
    ]) {
      if (values[0].length !== width) {
        const have = `${values[0].length} ${values[0].length === 1 ? name.slice(0, -1) : name}`;
        throw new ShapeError(`the data have ${have}, the network ${sizes.join("-")} has ${width}`);
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
    if (held) this.test = [core.copyDoubles(take(columns, held).flat()), core.copyDoubles(take(rows.y, held).flat())];
    this.rewind();
  }

  /** Back to the initial weights, which have the same bits each time. */
  rewind() {
    const { core, experiment } = this;
    core.expectOk(core.c.init(this.parameters, experiment.seed, INITS.indexOf(experiment.init)));
    this.epoch = 0;
    this.logged = 0;
    this.curve = new Curve();
    this.testCurve = new Curve();
    this.stopped = null; // why it cannot go on: "diverged", "gradient" or "mu"
    this.budget = Math.max(1, Math.floor(FIRST_BUDGET / this.count));
    this.start();
    this.arrive();
  }

  /** Starts the rule from the present parameters and without a state, as another call of Python's fit does. */
  start() {
    const { core, experiment } = this;
    const { rule, batch_size, shuffle_seed, learning_rate, options } = experiment;
    const { weight_decay = 0, l1 = 0, decay_biases = false, ...constants } = options;
    core.doubles(this.constants, 5).fill(0).set(Object.values(constants));
    core.expectOk(
      rule === "levenberg_marquardt"
        ? core.c.start_levenberg(this.loss, this.constants)
        : core.c.start_steps(
            this.order,
            Math.min(batch_size ?? this.rows, this.rows),
            this.loss,
            RULES.indexOf(rule),
            Number(shuffle_seed !== null),
            shuffle_seed ?? 0n,
            learning_rate ?? 0,
            weight_decay,
            l1,
            Number(decay_biases),
            this.constants,
          ),
    );
    this.base = this.epoch; // from which the core counts its epochs
    this.slices = (this.slices ?? 0) + 1; // counts what may have changed the parameters
  }

  /** Does what belongs to this place between two epochs: the edits of its parameters, and the test. */
  arrive() {
    const edits = this.experiment.edits.filter(([epoch]) => epoch === this.epoch);
    const values = this.core.doubles(this.parameters, this.count);
    for (const [, index, value] of edits) values[index] = value;
    if (edits.length) {
      this.start();
      if (this.stopped !== "diverged") this.stopped = null;
    }
    if (this.test && this.held.size * this.count <= TEST_MOST) this.addTest();
  }

  /** The edits up to here. */
  get editsDone() {
    return this.experiment.edits.filter(([epoch]) => epoch <= this.epoch);
  }

  /** Sets a parameter by hand, between two epochs. The experiment remembers it. */
  edit(index, value) {
    const others = this.experiment.edits.filter(([epoch, place]) => epoch !== this.epoch || place !== index);
    this.experiment.edits = [...others, [this.epoch, index, value]].sort(([one], [other]) => one - other);
    this.arrive();
  }

  /** Whether it stands between two epochs, where it has a fingerprint that Python can reach. */
  get betweenEpochs() {
    return this.base + this.core.c.epochs_begun() === this.epoch;
  }

  /** Trains for about so many milliseconds, at most to that epoch; returns whether there is more to do. */
  run(until, milliseconds) {
    while (this.stopped === null && this.epoch < until) {
      const started = performance.now();
      const next = Math.min(until, this.nextStop());
      this.slice(next, this.budget);
      const arrived = this.epoch === next;
      if (arrived) this.arrive();
      const elapsed = performance.now() - started;
      const factor = Math.min(arrived ? 1 : 2, milliseconds / Math.max(elapsed, 0.01));
      this.budget = Math.max(1, Math.min(2 ** 40, Math.floor(this.budget * factor)));
      milliseconds -= elapsed;
      if (elapsed > milliseconds) break;
    }
    return this.stopped === null && this.epoch < until;
  }

  /** The next epoch before which there is something to do: an edit, or a test for the curve. */
  nextStop() {
    const edit = this.experiment.edits.find(([epoch]) => epoch > this.epoch)?.[0] ?? Infinity;
    const { stride } = this.testCurve;
    return this.test ? Math.min(edit, (Math.floor(this.epoch / stride) + 1) * stride) : edit;
  }

  /** Trains a slice of so many rows. */
  slice(until, budget) {
    const { core, base } = this;
    const limit = BigInt(Math.min(until - base, 2 ** 53));
    const status = core.expectOk(
      core.c.train_slice(this.log, this.parameters, this.work, this.order, limit, BigInt(budget), LOG_SIZE),
    );
    this.slices++;
    this.epoch = base + core.c.epochs_done();
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
      this.measuredLoss = this.lossOf([this.inputRows, this.targetRows], this.rows, this.measure);
    }
    return this.measuredLoss;
  }

  /** The loss of the present parameters on the rows that are held out; `loss`: its name. */
  tested(loss = this.measure) {
    if (this.testedAt !== this.slices) {
      this.testedAt = this.slices;
      this.testLosses = {};
    }
    return (this.testLosses[loss] ??= this.lossOf(this.test, this.held.size, loss));
  }

  /** A point of the curve of tests, in the loss that the curve of the training has. */
  addTest() {
    const { loss } = this.experiment;
    this.testCurve.add(this.epoch, this.tested(loss in PARTNERS ? loss : "mse"));
  }

  lossOf(data, rows, loss) {
    const { core } = this;
    const work = [this.figure, this.predictWork, this.parameters];
    core.expectOk(core.c.loss_of(...work, ...data, rows, LOSSES.indexOf(loss)));
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

  /** The inputs of the network at points of the data's inputs, both one after the other. */
  inputsAt(points) {
    const { features } = this.experiment;
    return features === null ? points : featuresOfPoints(points, features);
  }

  /** The outputs for rows, an array of inputs of the network one after the other: a Float64Array. */
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

  /** The outputs of all nodes after the input, a row's after the other; `inputs` as for predict. */
  nodeOutputs(inputs) {
    const { core, nodes } = this;
    const rows = inputs.length / this.inputs;
    if (!(this.nodeRows >= rows)) {
      this.nodeRows = rows;
      this.nodeInputs = core.takeDoubles(rows * this.inputs);
      this.nodeValues = core.takeDoubles((rows + 1) * nodes); // the last row is for pre-activations
    }
    core.doubles(this.nodeInputs, inputs.length).set(inputs);
    const sums = this.nodeValues + 8 * rows * nodes;
    for (let row = 0; row < rows; row++) {
      const at = [this.nodeValues + 8 * row * nodes, this.parameters, this.nodeInputs + 8 * row * this.inputs];
      core.expectOk(core.c.forward_row(sums, ...at));
    }
    return core.doubles(this.nodeValues, rows * nodes).slice();
  }

  /** A copy of the parameters. */
  values() {
    return this.core.doubles(this.parameters, this.count).slice();
  }
}
