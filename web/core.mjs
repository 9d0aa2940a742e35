// SPDX-License-Identifier: MIT
// The C core: each instance of the program has one network and one training.
import { WASM } from "./generated.mjs";
import { OptionError, ShapeError } from "./errors.mjs";

export const DIVERGED = -4;

async function compile() {
  const packed = Uint8Array.from(atob(WASM), (letter) => letter.charCodeAt(0));
  const bytes = new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate")));
  return WebAssembly.compile(await bytes.arrayBuffer());
}
const program = compile();

export class Core {
  /** A new instance, with memory of its own. */
  static async make() {
    const instance = await WebAssembly.instantiate(await program);
    return Object.assign(new Core(), { c: instance.exports });
  }

  take(bytes) {
    const address = this.c.take(bytes) >>> 0;
    if (bytes > 2 ** 31 || address === 0) throw new ShapeError("not enough memory for this work");
    return address;
  }

  /** The numbers at an address: a view, which holds until more memory is taken. */
  doubles(address, count) {
    return new Float64Array(this.c.memory.buffer, address, count);
  }

  words(address, count) {
    return new Uint32Array(this.c.memory.buffer, address, count);
  }

  bytes(address, count) {
    return new Uint8Array(this.c.memory.buffer, address, count);
  }

  takeDoubles(count) {
    return this.take(8 * count);
  }

  /** The address of a copy of these numbers. */
  copyDoubles(values) {
    const address = this.takeDoubles(values.length);
    this.doubles(address, values.length).set(values);
    return address;
  }

  copyWords(values) {
    const address = this.take(4 * values.length);
    this.words(address, values.length).set(values);
    return address;
  }

  /** Raises what a negative status means; returns the others. */
  expectOk(status) {
    if (status === -1) throw new ShapeError("the core refuses this shape");
    if (status === -2) throw new OptionError("the core refuses these options");
    if (status < 0 && status !== DIVERGED) throw new OptionError(`the core returns ${status}`);
    return status;
  }
}
