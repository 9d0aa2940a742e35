// SPDX-License-Identifier: MIT
// A Python that is compiled to WebAssembly as a port: node wasm_python.mjs pyodide|micropython PACKAGES FOLDER
// PACKAGES is where npm installed them (node_modules); the files of FOLDER are copied into the Python's own folder.
import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [kind, packages, folder] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(resolve(packages, path)));

async function start() {
  if (kind === "pyodide") return (await load("pyodide/pyodide.mjs")).loadPyodide();
  const { loadMicroPython } = await load("@micropython/micropython-webassembly-pyscript/micropython.mjs");
  return loadMicroPython({ heapsize: 64 * 1024 * 1024 });
}

const python = await start();
python.FS.mkdir("/port");
for (const name of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  const from = join(name.parentPath ?? name.path, name.name);
  const to = "/port/" + from.slice(resolve(folder).length + 1);
  if (name.isDirectory()) python.FS.mkdir(to);
  else python.FS.writeFile(to, readFileSync(from));
}
python.runPython("import sys; sys.path.insert(0, '/port')");
// MicroPython gets the pure file alone, Pyodide the whole package.
const made = kind === "pyodide" ? "port.installed()" : "port.alone()";
python.runPython(`import port; made = ${made}`);
for await (const line of createInterface({ input: process.stdin })) {
  python.globals.set("question", line);
  python.runPython("answer = made.line(question)");
  process.stdout.write(python.globals.get("answer") + "\n");
}
