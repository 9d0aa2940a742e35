// SPDX-License-Identifier: MIT
//! A network for prediction, which needs `core` alone.
// --- network: begin ---
// Here bitprop writes the network that it exports: its shape, its parameters, and inputs with their outputs.
// --- network: end ---

#[cfg(all(target_arch = "x86", not(target_feature = "sse2")))]
compile_error!("f64 must be calculated as f64, not in x87 registers: choose a target with sse2");

/// The number with this 64-bit pattern.
fn number(bits: u64) -> f64 {
    f64::from_bits(bits)
}

/// The pattern of a number, any NaN as one (docs/contract.md §1.5).
fn pattern(value: f64) -> u64 {
    if value.is_nan() { 0x7ff8000000000000 } else { value.to_bits() }
}

// The activations (§2).
#[allow(dead_code)]
mod activations {
    use super::number;

    fn clamp(t: f64, low: f64, high: f64) -> f64 {
        if t < low {
            low
        } else if t > high {
            high
        } else {
            t
        }
    }

    /// r, c and s, with which e^t is s*(c + r)/(c - r).
    fn split(t: f64) -> (f64, f64, f64) {
        let log2e = number(0x3ff71547652b82fe);
        let magic = number(0x4338000000000000);
        let (ln2_hi, ln2_lo) = (number(0x3fe62e42fee00000), number(0x3dea39ef35793c76));
        let (p1, p2) = (number(0x3fc555555555553e), number(0xbf66c16c16bebd93));
        let (p3, p4) = (number(0x3f11566aaf25de2c), number(0xbebbbd41c5d26bf1));
        let p5 = number(0x3e66376972bea4d0);
        let k = (t * log2e + magic) - magic;
        let r = (t - k * ln2_hi) - k * ln2_lo;
        let z = r * r;
        let w = z * z;
        let c = 2.0 + z * ((p1 + z * p2) + w * ((p3 + z * p4) + w * p5));
        (r, c, number(((k as i64 + 1023) as u64) << 52))
    }

    pub fn sigmoid(x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        let (r, c, s) = split(clamp(-x, -708.0, 708.0));
        let lo = c - r;
        let hi = (c + r) * s;
        lo / (lo + hi)
    }

    pub fn tanh(x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        let (r, c, s) = split(clamp(2.0 * x, -40.0, 40.0));
        let p = s - 1.0;
        let q = s + 1.0;
        (p * c + q * r) / (q * c + p * r)
    }

    pub fn relu(x: f64) -> f64 {
        if x < 0.0 { 0.0 } else { x }
    }

    pub fn softsign(x: f64) -> f64 {
        x / (1.0 + if x < 0.0 { -x } else { x })
    }

    pub fn leaky_relu(x: f64) -> f64 {
        if x < 0.0 { number(0x3f847ae147ae147b) * x } else { x }
    }

    fn exponential(t: f64) -> f64 {
        if t.is_nan() {
            return t;
        }
        let (r, c, s) = split(clamp(t, -708.0, 708.0));
        (1.0 + (2.0 * r) / (c - r)) * s
    }

    /// Of a whole layer, in place.
    pub fn softmax(x: &mut [f64]) {
        let mut most = x[0];
        for &value in &x[1..] {
            if value > most {
                most = value;
            }
        }
        let mut total = 0.0; // no exponential is -0.0, so this start changes no bit
        for value in x.iter_mut() {
            *value = exponential(*value - most);
            total += *value;
        }
        for value in x.iter_mut() {
            *value /= total;
        }
    }
}

/// The activation of a layer.
fn activate(layer: &mut [f64], activation: Activation) {
    let function = match activation {
        Activation::Sigmoid => activations::sigmoid,
        Activation::Tanh => activations::tanh,
        Activation::Relu => activations::relu,
        Activation::Softsign => activations::softsign,
        Activation::LeakyRelu => activations::leaky_relu,
        Activation::Softmax => return activations::softmax(layer),
        Activation::Identity => return,
    };
    for value in layer.iter_mut() {
        *value = function(*value);
    }
}

/// The outputs for one row of inputs (§4). Stack: two layers of `WIDEST` numbers, the outputs, and a little more.
#[allow(clippy::needless_range_loop)] // as the contract has it
pub fn predict(inputs: &[f64; INPUTS]) -> [f64; OUTPUTS] {
    let mut a = [0.0; WIDEST];
    a[..INPUTS].copy_from_slice(inputs);
    // --- scaled inputs: begin ---
    for i in 0..INPUTS {
        a[i] = (a[i] - number(INPUT_SHIFT[i])) / number(INPUT_SPREAD[i]);
    }
    // --- scaled inputs: end ---
    let mut weights: &[u64] = &PARAMETERS;
    for layer in 1..LAYERS {
        let (n_in, n_out) = (SIZES[layer - 1], SIZES[layer]);
        let mut outputs = [0.0; WIDEST];
        for j in 0..n_out {
            let mut acc = if BIAS == 1 { number(weights[n_in * n_out + j]) } else { a[0] * number(weights[j]) };
            for i in 1 - BIAS..n_in {
                acc += a[i] * number(weights[i * n_out + j]);
            }
            outputs[j] = acc;
        }
        activate(&mut outputs[..n_out], ACTIVATIONS[layer - 1]);
        a = outputs;
        weights = &weights[(n_in + BIAS) * n_out..];
    }
    let mut outputs = [0.0; OUTPUTS];
    outputs.copy_from_slice(&a[..OUTPUTS]);
    // --- scaled outputs: begin ---
    for j in 0..OUTPUTS {
        outputs[j] = outputs[j] * number(OUTPUT_SPREAD[j]) + number(OUTPUT_SHIFT[j]);
    }
    // --- scaled outputs: end ---
    outputs
}

/// Whether the network gives its outputs to the last bit here.
#[allow(dead_code)]
pub fn self_test() -> bool {
    TESTS.iter().all(|(inputs, outputs)| {
        let mut row = [0.0; INPUTS];
        for (value, &bits) in row.iter_mut().zip(inputs) {
            *value = number(bits);
        }
        predict(&row).iter().zip(outputs).all(|(&found, &bits)| pattern(found) == bits)
    })
}
