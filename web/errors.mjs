// SPDX-License-Identifier: MIT
// The errors of bitprop's Python package, by their names there.

class BitpropError extends Error {
  constructor(message) {
    super(message);
    this.name = this.constructor.name;
  }
}
export class OptionError extends BitpropError {}
export class ShapeError extends BitpropError {}
export class DataError extends BitpropError {}
export class DivergedError extends BitpropError {
  constructor(message, epoch) {
    super(message);
    this.epoch = epoch;
  }
}
