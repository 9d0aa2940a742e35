// SPDX-License-Identifier: MIT
// Own rows by clicks and keys in the picture.
import { $, actions, main, say, state } from "./state.mjs";
import { number } from "./url.mjs";
import { short } from "./numbers.mjs";
import { showOutputs } from "./view.mjs";
import { windowOf } from "./draw.mjs";

export function addPoint(across, down) {
  const rows = state.rows;
  const plane = windowOf(rows.x);
  const round = (value, width) => Number(value.toFixed(Math.max(0, 3 - Math.floor(Math.log10(width)))));
  const [width, height] = [plane.right - plane.left, plane.top - plane.bottom];
  const point = [round(plane.left + across * width, width), round(plane.top - down * height, height)];
  const label = Number($("class").value);
  say(`Point ${point.map(number).join(", ")} of class ${label}.`);
  actions.useRows({ x: [...rows.x, point], y: [...rows.y, [label]] });
}

export const pointable = () => (main() ? main().axes === 2 && main().outputs === 1 : (state.rows.x[0]?.length ?? 2) === 2);

export function planeKey(event) {
  if (!pointable() || event.ctrlKey || event.altKey || event.metaKey) return;
  const by = event.shiftKey ? 0.1 : 0.02;
  const moves = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] };
  if (event.key in moves) {
    state.cursor = state.cursor.map((at, i) => Math.min(1, Math.max(0, at + moves[event.key][i])));
    const plane = windowOf(state.rows.x);
    const x0 = plane.left + state.cursor[0] * (plane.right - plane.left);
    const x1 = plane.top - state.cursor[1] * (plane.top - plane.bottom);
    say(`At ${short(x0, 3)}, ${short(x1, 3)}.`);
    showOutputs();
  } else if (event.key === "Enter" || event.key === " ") addPoint(...state.cursor);
  else if (event.key === "0" || event.key === "1") {
    $("class").value = event.key;
    say(`New points are of class ${event.key}.`);
  } else if (event.key === "Backspace" && state.rows.x.length) removeLast();
  else return;
  event.preventDefault();
}

export function removeLast() {
  actions.useRows({ x: state.rows.x.slice(0, -1), y: state.rows.y.slice(0, -1) });
}
