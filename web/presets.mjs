// SPDX-License-Identifier: MIT
// Experiments to begin with, each with what there is to see.

const REPORT = { sizes: [2, 4, 4, 1], bias: false };

export const PRESETS = [
  {
    name: "xor",
    comment:
      "No straight line parts the two diagonals, so the network needs its hidden layers. Without biases, all lines of " +
      "the first layer go through the corner (0, 0).",
    options: { data: "xor", ...REPORT, seed: 7, epochs: 5000 },
  },
  {
    name: "linear",
    comment: "Two classes that a line parts, by the rule of the lab report: half the summed squared error, rate 1.",
    options: { data: "linear:100", ...REPORT, seed: 7, epochs: 5000 },
  },
  {
    name: "overshoot: over 200 rows, rate 1",
    comment:
      "The step is the sum of all rows' gradients, so it grows with their number. At 400 rows and rate 1 the first " +
      "steps make the weights so large that the sigmoids saturate. Their slope is then nearly 0, and the loss stays.",
    options: { data: "linear:400", ...REPORT, epochs: 3000 },
  },
  {
    name: "its cure: rate 0.01",
    comment: "The same network and rows. With a rate of 0.01 the steps are small enough again, and the loss falls.",
    options: { data: "linear:400", ...REPORT, learning_rate: 0.01, epochs: 3000 },
  },
  {
    name: "xor in a few epochs",
    comment:
      "The rule of Levenberg and Marquardt solves a system of equations for each step. It is for small networks: watch " +
      "how few epochs it needs.",
    options: { data: "xor", sizes: [2, 4, 4, 1], rule: "levenberg_marquardt", epochs: 50 },
  },
  {
    name: "moons in batches",
    comment:
      "Adam with batches of 16 rows in another order in each epoch: 13 steps an epoch. “One step” shows one batch.",
    options: {
      data: "moons:200",
      sizes: [2, 8, 1],
      activation: ["tanh", "sigmoid"],
      init: "glorot",
      rule: "adam",
      learning_rate: 0.03,
      batch_size: 16,
      shuffle_seed: 0,
      epochs: 500,
    },
  },
  {
    name: "moons, learnt by heart",
    comment:
      "16 of 40 rows, the hollow points, are held out. Their loss, the dashed curve, is lowest after about 11 epochs and " +
      "then rises, while that of the other rows falls to nothing: the network learns their noise by heart.",
    options: {
      data: "moons:40",
      sizes: [2, 16, 8, 1],
      activation: ["tanh", "tanh", "sigmoid"],
      init: "glorot",
      rule: "adam",
      learning_rate: 0.03,
      validation: 0.4,
      split_seed: 3,
      epochs: 400,
    },
  },
  {
    name: "circles: luck of the seed",
    comment:
      "Six networks with relu that differ only by their seeds. Seed 0 is left with a straight boundary, the others close " +
      "it. A single training says little about a setting.",
    options: {
      data: "circles:200",
      sizes: [2, 8, 1],
      activation: ["relu", "sigmoid"],
      init: "glorot",
      rule: "adam",
      learning_rate: 0.02,
      epochs: 500,
    },
    seeds: 6,
  },
  {
    name: "circles by squares, without a hidden layer",
    comment:
      "The inputs are the squares x₁² and x₂² alone. Over them a straight line parts the two circles, so one node does " +
      "it: its boundary is an ellipse in the picture.",
    options: {
      data: "circles:200",
      features: ["x1*x1", "x2*x2"],
      sizes: [2, 1],
      rule: "adam",
      learning_rate: 0.1,
      epochs: 500,
    },
  },
  {
    name: "two spirals",
    comment: "A hard set, from 1988. RPROP gives each weight a step size of its own, which suits the full batch.",
    options: {
      data: "spirals",
      sizes: [2, 20, 20, 1],
      activation: ["tanh", "tanh", "sigmoid"],
      init: "glorot",
      seed: 4,
      rule: "rprop",
      first_step: 0.01,
      epochs: 2000,
    },
  },
  {
    name: "parity of four",
    comment: "Each change of one input changes the answer. There are four inputs, so the rows stand in a table.",
    options: {
      data: "parity:4",
      sizes: [4, 5, 1],
      activation: ["tanh", "sigmoid"],
      rule: "momentum",
      learning_rate: 0.1,
      epochs: 1500,
    },
  },
  {
    name: "encoder 8-3-8",
    comment: "Three hidden nodes must tell eight rows apart, so they find a code of about three bits. Softmax outputs.",
    options: {
      data: "encoder:8",
      sizes: [8, 3, 8],
      activation: ["tanh", "softmax"],
      rule: "adam",
      learning_rate: 0.05,
      loss: "cross_entropy",
      epochs: 500,
    },
  },
];
