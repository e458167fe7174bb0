// Mozilla's HTTP Observatory, for pages on this machine: node observatory.mjs HTTP HTTPS COOKIE PATH…
// prints a JSON list of path, grade, score and what the page lost points for.
import { existsSync, writeFileSync } from "node:fs";

const PACKAGE = new URL("node_modules/@mdn/mdn-http-observatory/", import.meta.url);
// Lists that the package fetches from elsewhere when it is installed: no name here is on them.
for (const list of ["hsts-preload.json", "tld-list.json"]) {
  const file = new URL(`conf/${list}`, PACKAGE);
  if (!existsSync(file)) {
    writeFileSync(file, list.startsWith("tld") ? "[]" : "{}");
  }
}
const { ALL_TESTS } = await import(new URL("src/constants.js", PACKAGE));
const grader = await import(new URL("src/grader/grader.js", PACKAGE));
const { MINIMUM_SCORE_FOR_EXTRA_CREDIT } = await import(new URL("src/grader/charts.js", PACKAGE));
const { retrieve } = await import(new URL("src/retriever/retriever.js", PACKAGE));

/** As the package's own `scan`, which knows no ports. */
async function grade(path, httpPort, httpsPort, cookie) {
  const headers = ["Accept: text/html", `Cookie: ${cookie}`];
  const site = await retrieve("localhost", { httpPort, httpsPort, path, headers });
  const results = ALL_TESTS.map((test) => test(site));
  const modifiers = results.map((each) => grader.getScoreModifier(each.result));
  const lost = modifiers.filter((each) => each < 0).reduce((a, b) => a + b, 100);
  const whole = modifiers.reduce((a, b) => a + b, 100);
  const score = lost >= MINIMUM_SCORE_FOR_EXTRA_CREDIT ? whole : lost;
  const faults = results.filter((_each, number) => modifiers[number] < 0).map((each) => each.result);
  return { path, status: site.responses.auto.status, faults, ...grader.getGradeForScore(score) };
}

const [httpPort, httpsPort, cookie, ...paths] = process.argv.slice(2);
const grades = [];
for (const path of paths) {
  grades.push(await grade(path, httpPort, httpsPort, cookie));
}
console.log(JSON.stringify(grades));
