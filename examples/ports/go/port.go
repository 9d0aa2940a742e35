// SPDX-License-Identifier: MIT

// Command port answers the golden vectors of the numeric contract, version 1: one JSON line in, one out.
// Every product that is added or subtracted stands in float64(), which forbids fusing the two operations
// (Go specification, "Floating-point operators"). The § in comments are the contract's.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"
	"os"
	"strconv"
)

// must ends the work on a line where something failed; reply answers with the error.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// vector is a list of numbers, in JSON a list of their patterns (§1).
type vector []float64

// pattern gives the bits of x in hexadecimal, the same ones for every NaN (§1).
func pattern(x float64) string {
	if math.IsNaN(x) {
		return "7ff8000000000000"
	}
	return fmt.Sprintf("%016x", math.Float64bits(x))
}

// integer reads 16 hexadecimal digits, of a seed or of the bits of a number (§1, §9).
func integer(digits string) uint64 {
	u, err := strconv.ParseUint(digits, 16, 64)
	must(err)
	return u
}

// MarshalJSON writes the patterns (§1).
func (v vector) MarshalJSON() ([]byte, error) {
	patterns := make([]string, len(v))
	for i, x := range v {
		patterns[i] = pattern(x)
	}
	return json.Marshal(patterns)
}

// UnmarshalJSON reads the patterns (§1).
func (v *vector) UnmarshalJSON(data []byte) error {
	var patterns []string
	err := json.Unmarshal(data, &patterns)
	for _, p := range patterns {
		*v = append(*v, math.Float64frombits(integer(p)))
	}
	return err
}

// clamp limits t to a ... b, and lets a NaN pass (§1).
func clamp(t, a, b float64) float64 {
	if t < a {
		return a
	} else if t > b {
		return b
	}
	return t
}

// The constants (§2).
const (
	log2e, magic = 0x1.71547652b82fep+0, 0x1.8p+52
	ln2Hi, ln2Lo = 0x1.62e42feep-1, 0x1.a39ef35793c76p-33
	p1, p2, p3   = 0x1.555555555553ep-3, -0x1.6c16c16bebd93p-9, 0x1.1566aaf25de2cp-14
	p4, p5       = -0x1.bbd41c5d26bf1p-20, 0x1.6376972bea4d0p-25
)

// split reduces t, so that exp(t) is about s*(c + r)/(c - r) (§2).
func split(t float64) (r, c, s float64) {
	k := (float64(t*log2e) + magic) - magic
	r = (t - float64(k*ln2Hi)) - float64(k*ln2Lo)
	z := float64(r * r)
	w := float64(z * z)
	c = 2 + float64(z*((p1+float64(z*p2))+float64(w*((p3+float64(z*p4))+float64(w*p5)))))
	return r, c, math.Float64frombits(uint64(int64(k)+1023) << 52)
}

// The constants of the logarithm (§2).
const (
	sqrtHalf   = 0x1.6a09e667f3bcdp-1
	l1, l2, l3 = 0x1.5555555555593p-1, 0x1.999999997fa04p-2, 0x1.2492494229359p-2
	l4, l5, l6 = 0x1.c71c51d8e78afp-3, 0x1.7466496cb03dep-3, 0x1.39a09d078c69fp-3
	l7         = 0x1.2f112df3e5244p-3
)

// exp is the exponential (§2).
func exp(t float64) float64 {
	if math.IsNaN(t) {
		return t
	}
	r, c, s := split(clamp(t, -708, 708))
	return float64((1 + float64(2*r)/(c-r)) * s)
}

// log is the logarithm of v + rest, for a normal v above 0 or a NaN (§2).
func log(v, rest float64) float64 {
	if math.IsNaN(v) {
		return v
	}
	m, exponent := math.Frexp(v)
	k := float64(exponent)
	if m < sqrtHalf {
		m, k = float64(2*m), k-1
	}
	f := m - 1
	q := f / (2 + f)
	z := float64(q * q)
	w := float64(z * z)
	even := float64(w * (l2 + float64(w*(l4+float64(w*l6)))))
	odd := float64(z * (l1 + float64(w*(l3+float64(w*(l5+float64(w*l7)))))))
	h := float64(float64(0.5*f) * f)
	return float64(k*ln2Hi) - ((h - (float64(q*(h+(even+odd))) + (float64(k*ln2Lo) + rest))) - f)
}

// log1p is the logarithm of 1 + u, for u from 0 to 1 or a NaN (§2).
func log1p(u float64) float64 {
	w := 1 + u
	return log(w, (u-(w-1))/w)
}

// shifted gives the m, the exponentials and the S of softmax (§4).
func shifted(x vector) (m float64, e vector, sum float64) {
	m = x[0]
	for _, value := range x[1:] {
		if value > m {
			m = value
		}
	}
	for j, value := range x {
		e = append(e, exp(value-m))
		if j == 0 {
			sum = e[0]
		} else {
			sum += e[j]
		}
	}
	return m, e, sum
}

// activation is a function's number in the model bytes (§2, §11).
type activation int

const (
	sigmoid activation = iota
	tanh
	relu
	identity
	softsign
	leakyRelu
	softmax // of the last layer only, and of all of it: see forward
)

// names has the activations' names in the order of their numbers (§11).
var names = []string{"sigmoid", "tanh", "relu", "identity", "softsign", "leaky_relu", "softmax"}

// MarshalText writes the name of an activation (§2).
func (f activation) MarshalText() ([]byte, error) {
	return []byte(names[f]), nil
}

// UnmarshalText reads the name of an activation (§2).
func (f *activation) UnmarshalText(name []byte) error {
	for i, known := range names {
		if string(name) == known {
			*f = activation(i)
			return nil
		}
	}
	return fmt.Errorf("unknown activation %q", name)
}

// apply computes the activation of x (§2).
func (f activation) apply(x float64) float64 {
	switch {
	case f == sigmoid && !math.IsNaN(x):
		r, c, s := split(clamp(-x, -708, 708))
		lo, hi := c-r, float64((c+r)*s)
		return lo / (lo + hi)
	case f == tanh && !math.IsNaN(x):
		r, c, s := split(clamp(2*x, -40, 40))
		p, q := s-1, s+1
		return (float64(p*c) + float64(q*r)) / (float64(q*c) + float64(p*r))
	case f == softsign:
		return x / (1 + math.Abs(x))
	case f == leakyRelu && x < 0:
		return float64(0.01 * x)
	case f == relu && x < 0:
		return 0
	}
	return x
}

// slope computes the slope from the activation's output y (§2).
func (f activation) slope(y float64) float64 {
	switch {
	case f == sigmoid:
		return float64(y * (1 - y))
	case f == tanh:
		return 1 - float64(y*y)
	case f == softsign:
		b := 1 - math.Abs(y)
		return float64(b * b)
	case f == leakyRelu && !(y > 0):
		return 0.01
	case f == relu && !(y > 0):
		return 0
	}
	return 1
}

// generator is MT19937 (§9).
type generator struct {
	state [624]uint32
	next  int
}

// newGenerator seeds a generator with stream*2^64 + seed, by init_by_array (§9).
func newGenerator(stream uint32, seed string) *generator {
	u := integer(seed)
	key := []uint32{uint32(u)}
	if high := uint32(u >> 32); high > 0 || stream > 0 {
		key = append(key, high)
	}
	if stream > 0 {
		key = append(key, stream)
	}
	g := &generator{next: 624}
	s := &g.state
	s[0] = 19650218
	for i := 1; i < 624; i++ {
		s[i] = 1812433253*(s[i-1]^s[i-1]>>30) + uint32(i)
	}
	i := 1
	mix := func(factor, add uint32) {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*factor) + add
		if i++; i == 624 {
			s[0], i = s[623], 1
		}
	}
	for n := 0; n < 624; n++ {
		j := n % len(key)
		mix(1664525, key[j]+uint32(j))
	}
	for n := 0; n < 623; n++ {
		mix(1566083941, -uint32(i))
	}
	s[0] = 0x80000000
	return g
}

// word gives the next output (§9).
func (g *generator) word() uint32 {
	if s := &g.state; g.next == 624 {
		for i := range s {
			y := s[i]&0x80000000 | s[(i+1)%624]&0x7fffffff
			s[i] = s[(i+397)%624] ^ y>>1 ^ y&1*0x9908b0df
		}
		g.next = 0
	}
	y := g.state[g.next]
	g.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// random gives the next number, its numerator as one integer below 2^53 (§9).
func (g *generator) random() float64 {
	a, b := uint64(g.word()>>5), uint64(g.word()>>6)
	return float64(a<<26+b) / (1 << 53)
}

// randbelow gives the next integer below n, which is 1 or more (§9).
func (g *generator) randbelow(n uint32) uint32 {
	if n == 0 {
		panic("no integer is below 0")
	}
	r := n
	for r >= n {
		r = g.word() >> (32 - bits.Len32(n))
	}
	return r
}

// normal gives nearly a normal deviate, the sum of twelve numbers (§9).
func (g *generator) normal() float64 {
	w := g.random()
	for u := 2; u <= 12; u++ {
		w += g.random()
	}
	return w - 6
}

// uniform gives a number in [-1, 1) (§9).
func (g *generator) uniform() float64 {
	return float64(2*g.random()) - 1
}

// direction gives a point of the unit circle (§10).
func (g *generator) direction() (u, v float64) {
	for {
		a := g.uniform()
		b := g.uniform()
		if s := float64(a*a) + float64(b*b); 0 < s && s <= 1 {
			r := math.Sqrt(s)
			return a / r, b / r
		}
	}
}

// network is a shape and its parameters (§3).
type network struct {
	Sizes       []int
	Activations []activation
	Bias        bool
	Parameters  vector
}

// layer is one layer's part of a flat vector (§3).
type layer struct{ weights, biases vector }

// layers divides a vector that has one element for each parameter (§3).
func (n *network) layers(rest vector) (all []layer) {
	for k, outputs := range n.Sizes[1:] {
		var l layer
		l.weights, rest = rest[:n.Sizes[k]*outputs], rest[n.Sizes[k]*outputs:]
		if n.Bias {
			l.biases, rest = rest[:outputs], rest[outputs:]
		}
		all = append(all, l)
	}
	return all
}

// forward gives the pre-activations and outputs of each layer, outputs[0] being the row itself (§4).
func (n *network) forward(row vector) (sums, outputs []vector) {
	outputs = []vector{row}
	for k, l := range n.layers(n.Parameters) {
		a, size := outputs[k], n.Sizes[k+1]
		z, y := make(vector, size), make(vector, size)
		for j := range z {
			acc := float64(a[0] * l.weights[j])
			if n.Bias {
				acc = l.biases[j] + acc
			}
			for i := 1; i < len(a); i++ {
				acc += float64(a[i] * l.weights[i*size+j])
			}
			z[j], y[j] = acc, n.Activations[k].apply(acc)
		}
		if n.Activations[k] == softmax {
			_, e, sum := shifted(z)
			for j := range y {
				y[j] = e[j] / sum
			}
		}
		sums, outputs = append(sums, z), append(outputs, y)
	}
	return sums, outputs
}

// dot sums products in order, beginning with the first (§5).
func dot(x, y vector) float64 {
	acc := float64(x[0] * y[0])
	for j := 1; j < len(x); j++ {
		acc += float64(x[j] * y[j])
	}
	return acc
}

// lastLayer gives a row's error and the deltas of the last layer, from its pre-activations, outputs and targets (§5).
func (n *network) lastLayer(x, y, target vector, loss string) (rowError float64, deltas vector) {
	last := n.Activations[len(n.Activations)-1]
	binary, classes := loss == "binary_cross_entropy", loss == "cross_entropy"
	if classes != (last == softmax) || (binary && last != sigmoid) {
		panic("a loss that does not go with the outputs")
	}
	var m, logSum float64
	if classes {
		var sum float64
		m, _, sum = shifted(x)
		logSum = log(sum, 0)
	}
	for j, t := range target {
		e := y[j] - t
		term, delta := float64(e*e), e
		switch {
		case binary:
			p := 0.0
			if x[j] > 0 {
				p = x[j]
			}
			term = (p - float64(x[j]*t)) + log1p(exp(-math.Abs(x[j])))
		case classes:
			term = float64(t * ((m - x[j]) + logSum))
		default:
			delta = float64(e * last.slope(y[j]))
		}
		if j == 0 {
			rowError = term
		} else {
			rowError += term
		}
		deltas = append(deltas, delta)
	}
	return rowError, deltas
}

// backward gives one sample's contributions to the gradient, and after these its error (§5).
func (n *network) backward(row, target vector, weight *float64, loss string) vector {
	sums, outputs := n.forward(row)
	k := len(n.Activations)
	rowError, deltas := n.lastLayer(sums[k-1], outputs[k], target, loss)
	for j := range deltas {
		if weight != nil {
			deltas[j] = float64(deltas[j] * *weight)
		}
	}
	if weight != nil {
		rowError = float64(rowError * *weight)
	}
	gradient := make(vector, len(n.Parameters))
	layers, parts := n.layers(n.Parameters), n.layers(gradient)
	for k--; k >= 0; k-- {
		a, size := outputs[k], len(deltas)
		hidden := make(vector, len(a))
		for i := range a {
			for j, d := range deltas {
				parts[k].weights[i*size+j] = float64(a[i] * d)
			}
			if k > 0 {
				sum := dot(layers[k].weights[i*size:(i+1)*size], deltas)
				hidden[i] = float64(sum * n.Activations[k-1].slope(a[i]))
			}
		}
		copy(parts[k].biases, deltas)
		deltas = hidden
	}
	return append(gradient, rowError)
}

// batch sums over the rows in eight lanes, and scales by the loss (§6, §7). weights are the rows', or nil.
func (n *network) batch(inputs, targets []vector, weights vector, loss string) (gradient vector, sse, figure float64) {
	lanes := make([][8]float64, len(n.Parameters)+1)
	for row := range inputs {
		var weight *float64
		if weights != nil {
			weight = &weights[row]
		}
		for p, contribution := range n.backward(inputs[row], targets[row], weight, loss) {
			lanes[p][row%8] += contribution
		}
	}
	sums := make(vector, len(lanes))
	for p, l := range lanes {
		sums[p] = ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
	}
	gradient, sse = sums[:len(n.Parameters)], sums[len(n.Parameters)]
	rows, values := float64(len(targets)), float64(len(targets)*len(targets[0]))
	scale, figure := 1.0, float64(0.5*sse)
	switch loss {
	case "half_sse":
	case "sse":
		scale, figure = 2, sse
	case "half_mse":
		scale, figure = 1/values, float64(0.5*(sse/values))
	case "mse":
		scale, figure = 2/values, sse/values
	case "binary_cross_entropy", "cross_entropy":
		scale, figure = 1/rows, sse/rows
	default:
		panic("unknown loss")
	}
	for p := range gradient {
		gradient[p] = float64(gradient[p] * scale)
	}
	return gradient, sse, figure
}

// model gives the network's bytes (§11).
func (n *network) model() []byte {
	b, flags := []byte("bitprop\x00"), 0
	if n.Bias {
		flags = 1
	}
	add := func(u int) { b = binary.LittleEndian.AppendUint32(b, uint32(u)) }
	add(1)
	add(flags)
	add(len(n.Sizes))
	for _, size := range n.Sizes {
		add(size)
	}
	for _, f := range n.Activations {
		add(int(f))
	}
	for _, w := range n.Parameters {
		b = binary.LittleEndian.AppendUint64(b, integer(pattern(w)))
	}
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// readModel gives the network that the bytes hold, or nil where §11 refuses them.
func readModel(b []byte) *network {
	const header = 20
	end := len(b) - 4
	word := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	if end < header || string(b[:8]) != "bitprop\x00" || word(8) != 1 || word(12) > 1 {
		return nil
	}
	count := uint64(word(16))
	start := header + 4*(2*count-1) // of the parameters, far below 2^64
	if count < 2 || start > uint64(end) || word(end) != crc32.ChecksumIEEE(b[:end]) {
		return nil
	}
	n, rest, at := &network{Bias: word(12) == 1}, uint64(end)-start, header
	for ; at < header+4*int(count); at += 4 {
		n.Sizes = append(n.Sizes, int(word(at)))
	}
	for k := range n.Sizes {
		if n.Sizes[k] < 1 {
			return nil
		} else if k == 0 {
			continue
		}
		if code := word(at); code >= uint32(len(names)) || (code == uint32(softmax) && k < len(n.Sizes)-1) {
			return nil
		}
		n.Activations, at = append(n.Activations, activation(word(at))), at+4
		rows := uint64(n.Sizes[k-1])
		if n.Bias {
			rows++
		}
		if uint64(n.Sizes[k]) > rest/8/rows { // more than is left: no product here is beyond 64 bits
			return nil
		}
		rest -= 8 * rows * uint64(n.Sizes[k])
	}
	if rest != 0 {
		return nil
	}
	for ; at < end; at += 8 {
		bits := binary.LittleEndian.Uint64(b[at:])
		w := math.Float64frombits(bits)
		if math.IsNaN(w) && bits != 0x7ff8000000000000 {
			return nil
		}
		n.Parameters = append(n.Parameters, w)
	}
	return n
}

// question is a case's input; its function says which of the fields there are.
type question struct {
	network
	Activation                  activation
	Operation, Init, Kind, Loss string
	X, Y, Z, Input              vector
	Inputs, Targets             []vector
	Count, Epochs, Rows         int
	N                           json.RawMessage // an integer, or a list
	Centres                     int
	Noise                       string
	Stream                      uint32
	Seed                        string
	LearningRate                string `json:"learning_rate"`
	BatchSize                   int    `json:"batch_size"`   // null becomes 0
	ShuffleSeed                 string `json:"shuffle_seed"` // null becomes ""
	DataSeed                    string `json:"data_seed"`
	Rule                        string // none is descent
	Constants                   vector
	WeightDecay                 string `json:"weight_decay"`    // none is 0
	L1                          string `json:"l1"`              // none is 0
	DecayBiases                 bool   `json:"decay_biases"`    // none is false
	LearningRates               vector `json:"learning_rates"`  // none: one for all epochs
	RowWeights                  vector `json:"row_weights"`     // none: no weights
	FirstStepHigh               string `json:"first_step_high"` // none: first steps are not drawn
	FirstStepSeed               string `json:"first_step_seed"`
	Bytes                       string
	Scaling, Low, High          string
}

// answer is what the port replies.
type answer map[string]any

// arithmetic does bare operations (§1).
func (q *question) arithmetic() answer {
	result := make(vector, len(q.X))
	for i, x := range q.X {
		switch q.Operation {
		case "multiply_add":
			result[i] = float64(x*q.Y[i]) + q.Z[i]
		case "add_subtract":
			result[i] = (x + q.Y[i]) - q.Z[i]
		case "divide":
			result[i] = x / q.Y[i]
		case "square_root":
			result[i] = math.Sqrt(x)
		default:
			panic("unknown operation")
		}
	}
	return answer{"result": result}
}

// initial draws the weights; biases are 0 (§3, §9).
func (q *question) initial() vector {
	var parameters vector
	g := newGenerator(0, q.Seed)
	for k, outputs := range q.Sizes[1:] {
		for i := q.Sizes[k] * outputs; i > 0; i-- {
			var w float64
			switch q.Init {
			case "normal":
				w = g.normal()
			case "uniform":
				w = g.uniform()
			case "glorot":
				w = float64(g.uniform() * math.Sqrt(6/float64(q.Sizes[k]+outputs)))
			default:
				panic("unknown init")
			}
			parameters = append(parameters, w)
		}
		if q.Bias {
			parameters = append(parameters, make(vector, outputs)...)
		}
	}
	return parameters
}

// sines are those of 0 to 8 sixteenths of pi (§10).
var sines = vector{
	0, 0x1.8f8b83c69a60bp-3, 0x1.87de2a6aea963p-2, 0x1.1c73b39ae68c8p-1, 0x1.6a09e667f3bcdp-1,
	0x1.a9b66290ea1a3p-1, 0x1.d906bcf328d46p-1, 0x1.f6297cff75cb0p-1, 1,
}

// sine gives that of k sixteenths of pi (§10).
func sine(k int) float64 {
	m := k % 16
	if m > 8 {
		m = 16 - m
	}
	if k%32 >= 16 {
		return -sines[m]
	}
	return sines[m]
}

// oneHot has 1 in column k, and 0 in all others (§10).
func oneHot(k, width int) vector {
	row := make(vector, width)
	row[k] = 1
	return row
}

// data makes the rows and targets of a data set (§10).
func (q *question) data() answer {
	var inputs, targets []vector
	add := func(row vector, target ...float64) {
		inputs, targets = append(inputs, row), append(targets, target)
	}
	rows, noise, g := 0, 0.0, (*generator)(nil)
	if q.N != nil {
		must(json.Unmarshal(q.N, &rows))
	}
	if q.Seed != "" {
		g = newGenerator(1, q.Seed)
	}
	if q.Noise != "" {
		noise = math.Float64frombits(integer(q.Noise))
	}
	moved := func(x0, x1 float64) vector {
		d0, d1 := g.normal(), g.normal()
		return vector{x0 + float64(noise*d0), x1 + float64(noise*d1)}
	}
	switch q.Kind {
	case "linear":
		for i := 0; i < rows; i++ {
			x0, x1 := g.random(), g.random()
			label := 1.0
			if x0 > x1 {
				label = 0
			}
			add(vector{x0, x1}, label)
		}
	case "xor":
		for i := 0; i <= 10; i++ {
			x := float64(0.1 * float64(i))
			add(vector{x, x}, 0)
			if i != 5 {
				add(vector{x, 1 - x}, 1)
			}
		}
	case "circles":
		for i := 0; i < rows; i++ {
			u, v := g.direction()
			radius := 1.0
			if i%2 == 1 {
				radius = 0.5
			}
			add(moved(float64(radius*u), float64(radius*v)), float64(i%2))
		}
	case "moons":
		for i := 0; i < rows; i++ {
			u, v := g.direction()
			if v < 0 {
				v = -v
			}
			if i%2 == 1 {
				u, v = 1-u, 0.5-v
			}
			add(moved(u, v), float64(i%2))
		}
	case "blobs":
		var middles []vector
		for k := 0; k < q.Centres; k++ {
			c0 := g.uniform()
			middles = append(middles, vector{c0, g.uniform()})
		}
		for i := 0; i < rows; i++ {
			k := i % q.Centres
			row := moved(middles[k][0], middles[k][1])
			if q.Centres == 2 {
				add(row, float64(k))
			} else {
				add(row, oneHot(k, q.Centres)...)
			}
		}
	case "two_spirals":
		for i := 0; i <= 96; i++ {
			r := float64(104-i) / 16
			x0, x1 := float64(r*sine(i)), float64(r*sine(i+8))
			add(vector{x0, x1}, 1)
			add(vector{-x0, -x1}, 0)
		}
	case "encoder":
		for i := 0; i < rows; i++ {
			add(oneHot(i, rows), oneHot(i, rows)...)
		}
	case "parity":
		for i := 0; i < 1<<rows; i++ {
			row := make(vector, rows)
			for j := range row {
				row[j] = float64(i >> (rows - 1 - j) & 1)
			}
			add(row, float64(bits.OnesCount(uint(i))%2))
		}
	default:
		panic("unknown data set")
	}
	return answer{"inputs": inputs, "targets": targets}
}

// kept is what a rule keeps for a parameter; p1 and p2 are the same for all (§7).
type kept struct{ v, m, p1, p2, previous, step float64 }

// update takes a rule's step with the gradient g of parameter w (§7).
func (k *kept) update(w, g, rate float64, rule string, c vector) float64 {
	switch rule {
	case "", "descent":
		return w - float64(rate*g)
	case "momentum":
		k.v = float64(c[0]*k.v) + g
		return w - float64(rate*k.v)
	case "nesterov":
		k.v = float64(c[0]*k.v) + g
		return w - float64(rate*(g+float64(c[0]*k.v)))
	case "adam", "adamw":
		k.p1, k.p2 = float64(k.p1*c[0]), float64(k.p2*c[1])
		a, rest := rate/(1-k.p1), 1-k.p2
		k.m = float64(c[0]*k.m) + float64((1-c[0])*g)
		k.v = float64(c[1]*k.v) + float64((1-c[1])*float64(g*g))
		return w - float64(a*k.m)/(math.Sqrt(k.v/rest)+c[2])
	case "rprop":
		if q := float64(k.previous * g); q > 0 {
			if k.step = float64(k.step * c[0]); !(k.step < c[4]) {
				k.step = c[4]
			}
		} else if q < 0 {
			if k.step = float64(k.step * c[1]); !(k.step > c[3]) {
				k.step = c[3]
			}
			g = 0
		}
		k.previous = g
		if g > 0 {
			return w - k.step
		} else if g < 0 {
			return w + k.step
		}
		return w
	}
	panic("unknown rule")
}

// regularise takes L1 and weight decay into the gradient, for adamw the decay into the parameters (§7).
func (q *question) regularise(gradient vector, rate float64) {
	factor, l1 := optional(q.WeightDecay), optional(q.L1)
	parts := q.layers(gradient)
	for l, part := range q.layers(q.Parameters) {
		apply := func(w, g vector) {
			for i := range w {
				if l1 != 0 && w[i] > 0 {
					g[i] += l1
				} else if l1 != 0 && w[i] < 0 {
					g[i] -= l1
				}
				if factor != 0 && q.Rule == "adamw" {
					w[i] -= float64(float64(rate*factor) * w[i])
				} else if factor != 0 {
					g[i] += float64(factor * w[i])
				}
			}
		}
		apply(part.weights, parts[l].weights)
		if q.DecayBiases {
			apply(part.biases, parts[l].biases)
		}
	}
}

// optional gives a number of a question, 0 where there is none.
func optional(digits string) float64 {
	if digits == "" {
		return 0
	}
	return math.Float64frombits(integer(digits))
}

// train runs the epochs, until one diverges (§7, §8).
func (q *question) train() answer {
	log, rows, size := vector{}, len(q.Inputs), q.BatchSize
	if size < 1 || size > rows {
		size = rows
	}
	rate := math.Float64frombits(integer(q.LearningRate))
	var g *generator
	if q.ShuffleSeed != "" {
		g = newGenerator(2, q.ShuffleSeed)
	}
	var steps *generator
	high := 0.0
	if q.FirstStepHigh != "" {
		steps, high = newGenerator(3, q.FirstStepSeed), math.Float64frombits(integer(q.FirstStepHigh))
	}
	state := make([]kept, len(q.Parameters))
	for p := range state {
		state[p].p1, state[p].p2 = 1, 1
		if q.Rule == "rprop" {
			state[p].step = q.Constants[2]
		}
		if steps != nil {
			state[p].step += float64((high - q.Constants[2]) * steps.random())
		}
	}
	for epoch := 0; epoch < q.Epochs; epoch++ {
		if q.LearningRates != nil {
			rate = q.LearningRates[epoch]
		}
		for i := rows - 1; g != nil && i > 0; i-- {
			k := g.randbelow(uint32(i + 1))
			q.Inputs[i], q.Inputs[k] = q.Inputs[k], q.Inputs[i]
			q.Targets[i], q.Targets[k] = q.Targets[k], q.Targets[i]
			if q.RowWeights != nil {
				q.RowWeights[i], q.RowWeights[k] = q.RowWeights[k], q.RowWeights[i]
			}
		}
		before, total := append(vector{}, q.Parameters...), 0.0
		for first, last := 0, 0; first < rows; first = last {
			if last = first + size; last > rows {
				last = rows
			}
			weights := q.RowWeights
			if weights != nil {
				weights = weights[first:last]
			}
			gradient, sse, _ := q.batch(q.Inputs[first:last], q.Targets[first:last], weights, q.Loss)
			q.regularise(gradient, rate)
			for p, g := range gradient {
				q.Parameters[p] = state[p].update(q.Parameters[p], g, rate, q.Rule, q.Constants)
			}
			total += sse
		}
		for _, x := range append(vector{total}, q.Parameters...) {
			if math.IsInf(x, 0) || math.IsNaN(x) {
				return answer{"sse": log, "parameters": before, "diverged": epoch}
			}
		}
		log = append(log, total)
	}
	return answer{"sse": log, "parameters": q.Parameters, "diverged": nil}
}

// decode reads model bytes, or refuses them (§11).
func (q *question) decode() answer {
	b, err := hex.DecodeString(q.Bytes)
	must(err)
	n := readModel(b)
	if n == nil {
		return answer{"refused": true}
	}
	return answer{"sizes": n.Sizes, "activations": n.Activations, "bias": n.Bias, "parameters": n.Parameters}
}

// fit trains a network that is drawn, on rows that are drawn (§6 to §11).
func (q *question) fit() answer {
	q.Parameters = q.initial()
	g := newGenerator(1, q.DataSeed)
	draw := func(n int) vector {
		v := make(vector, n)
		for i := range v {
			v[i] = g.random()
		}
		return v
	}
	for row := 0; row < q.Rows; row++ {
		q.Inputs = append(q.Inputs, draw(q.Sizes[0]))
		q.Targets = append(q.Targets, draw(q.Sizes[len(q.Sizes)-1]))
	}
	inputs, targets := append([]vector{}, q.Inputs...), append([]vector{}, q.Targets...) // shuffling moves the others
	log := q.train()["sse"].(vector)
	_, _, figure := q.batch(inputs, targets, nil, q.Loss)
	b := q.model()
	crc := binary.LittleEndian.Uint32(b[len(b)-4:])
	return answer{"sse": pattern(log[len(log)-1]), "figure": pattern(figure), "crc": fmt.Sprintf("%08x", crc)}
}

// laneSum sums a column in eight lanes (§6).
func laneSum(values vector) float64 {
	var l [8]float64
	for i, v := range values {
		l[i%8] += v
	}
	return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

// standard gives the shift and the spread of a column (§13).
func standard(column vector) (shift, spread float64) {
	n, same, squares := float64(len(column)), true, make(vector, len(column))
	for _, v := range column {
		same = same && v == column[0]
	}
	if shift = column[0]; !same {
		shift = laneSum(column) / n
	}
	for i, v := range column {
		squares[i] = float64((v - shift) * (v - shift))
	}
	if spread = math.Sqrt(laneSum(squares) / n); spread == 0 {
		spread = 1
	}
	return shift, spread
}

// minMax gives the shift and the spread of a column that shall go from low to high (§13).
func minMax(column vector, low, high float64) (shift, spread float64) {
	a, b := column[0], column[0]
	for _, v := range column {
		if v < a {
			a = v
		}
		if v > b {
			b = v
		}
	}
	if spread = (b - a) / (high - low); spread == 0 {
		spread = 1
	}
	return a - float64(low*spread), spread
}

// scale gives each column's shift and spread, and the rows scaled and taken back (§13).
func (q *question) scale() answer {
	columns := len(q.Inputs[0])
	shift, spread := make(vector, columns), make(vector, columns)
	scaled, back := make([]vector, len(q.Inputs)), make([]vector, len(q.Inputs))
	for i := range shift {
		column := make(vector, len(q.Inputs))
		for r, row := range q.Inputs {
			column[r] = row[i]
		}
		switch q.Scaling {
		case "standard":
			shift[i], spread[i] = standard(column)
		case "min_max":
			low, high := math.Float64frombits(integer(q.Low)), math.Float64frombits(integer(q.High))
			shift[i], spread[i] = minMax(column, low, high)
		default:
			panic("unknown scaling")
		}
		for r, v := range column {
			s := (v - shift[i]) / spread[i]
			scaled[r] = append(scaled[r], s)
			back[r] = append(back[r], float64(s*spread[i])+shift[i])
		}
	}
	return answer{"shift": shift, "spread": spread, "scaled": scaled, "back": back}
}

// reply answers one line, with an error where something in it does not fit.
func reply(line []byte) (a answer) {
	defer func() {
		if problem := recover(); problem != nil {
			a = answer{"error": fmt.Sprint(problem)}
		}
	}()
	var asked struct {
		Function string
		Input    question
	}
	must(json.Unmarshal(line, &asked))
	q := asked.Input
	switch asked.Function {
	case "levenberg": // §12 is optional
		return answer{"unsupported": true}
	case "arithmetic":
		return q.arithmetic()
	case "constants":
		return answer{"constants": map[string]string{
			"LOG2E": pattern(log2e), "MAGIC": pattern(magic), "LN2_HI": pattern(ln2Hi), "LN2_LO": pattern(ln2Lo),
			"P1": pattern(p1), "P2": pattern(p2), "P3": pattern(p3), "P4": pattern(p4), "P5": pattern(p5),
		}}
	case "activation":
		var y, slopes vector
		for _, x := range q.X {
			y = append(y, q.Activation.apply(x))
			slopes = append(slopes, q.Activation.slope(y[len(y)-1]))
		}
		return answer{"y": y, "slope": slopes}
	case "random":
		drawn, g := make(vector, q.Count), newGenerator(q.Stream, q.Seed)
		for i := range drawn {
			drawn[i] = g.random()
		}
		return answer{"random": drawn}
	case "randbelow":
		var drawn []uint32
		must(json.Unmarshal(q.N, &drawn))
		g := newGenerator(q.Stream, q.Seed)
		for i, n := range drawn {
			drawn[i] = g.randbelow(n)
		}
		return answer{"randbelow": drawn}
	case "init":
		return answer{"parameters": q.initial()}
	case "data":
		return q.data()
	case "forward":
		sums, outputs := q.forward(q.Input)
		return answer{"preactivations": sums, "outputs": outputs[1:]}
	case "gradient":
		gradient, sse, figure := q.batch(q.Inputs, q.Targets, q.RowWeights, q.Loss)
		return answer{"gradient": gradient, "sse": pattern(sse), "figure": pattern(figure)}
	case "train":
		return q.train()
	case "model_bytes":
		b := q.model()
		return answer{"bytes": fmt.Sprintf("%x", b), "fingerprint": fmt.Sprintf("%x", sha256.Sum256(b))}
	case "decode":
		return q.decode()
	case "fit":
		return q.fit()
	case "scaling":
		return q.scale()
	}
	panic("unknown function")
}

// main answers line after line until the input ends.
func main() {
	in, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	in.Buffer(nil, math.MaxInt32)
	for in.Scan() {
		must(out.Encode(reply(in.Bytes())))
	}
	must(in.Err())
}
