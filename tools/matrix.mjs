// Rewrites what stands between `<!-- records:begin -->` and `<!-- records:end -->`, and between those of `vectors`, from the reports of
// the conformance kit: the summaries of backends in README.md and the whole matrices in docs/backends.md. `npm run matrix`, after
// `npm test`. With `--check` nothing is written, and a table that is not up to date is a failure. What differs from run to run or machine to machine (times, seeds, versions) is left out.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readJson, root } from './workspace.mjs';

/** The reports of our own backends, by name. */
function readReports() {
  const packages = join(root, 'packages');
  const folders = readdirSync(packages)
    .filter((name) => name !== 'conformance')
    .map((name) => join(packages, name, 'reports'))
    .filter(existsSync);
  return folders
    .flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)))
    .filter((file) => /conformance-[^/\\]*\.json$/.test(file))
    .map(readJson)
    .filter((report) => report.kind === 'conformance' && report.server.how !== 'absent')
    .sort((a, b) => (a.backend < b.backend ? -1 : 1));
}

/** Flags by their dotted path. What is absent is `no` under its own path, and its parts are empty. */
function flatten(value, path, into) {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    if (path !== '') into.set(path, 'yes');
    for (const [name, member] of Object.entries(value)) flatten(member, path === '' ? name : `${path}.${name}`, into);
  } else into.set(path, shown(value));
  return into;
}

function shown(value) {
  if (value === true) return 'yes';
  if (value === false) return 'no';
  if (value === null) return 'none';
  if (Array.isArray(value)) return value.join(', ') || 'none';
  return typeof value === 'number' ? value.toLocaleString('en-US') : value;
}

/** The flags that a group's tables show: those of the other group stand there. */
function partOf({ records, vectors, ...others }, group) {
  return group === 'vectors' ? { vectors, ...others } : { records, ...others };
}

const row = (cells) => `| ${cells.join(' | ')} |`;

/** How many of the chosen tests passed. */
function passed(report) {
  return report.failed === 0 && report.passed === report.chosen
    ? `all ${report.chosen}`
    : `${report.passed} of ${report.chosen}`;
}

/** What a backend ran against: another maker's engine by its own name, and what is not the vendor's server said so. */
function against({ server: { name, version, how } }) {
  if (how === 'other-engine') return `${version.replace(/ [\d.]+$/, '')}, by the protocol of ${name}`;
  if (how === 'engine-only') return `the engine of ${name}, behind an HTTP face of ours`;
  return how === 'stand-in' ? `a stand-in for ${name}` : name;
}

/** Every flag of every backend: a row a flag. What none of them has is left out. */
function matrix(reports) {
  const columns = reports.map((report) => flatten(report.capabilities, '', new Map()));
  const seen = [...new Set(columns.flatMap((column) => [...column.keys()]))];
  // A facet's flags stand together, also when the first backend does not have it.
  const tops = [...new Set(seen.map((path) => path.split('.')[0]))];
  const paths = tops.flatMap((top) => seen.filter((path) => path.split('.')[0] === top));
  return [
    row(['', ...reports.map((report) => report.backend)]),
    row(['---', ...reports.map(() => '---')]),
    row(['tests passed', ...reports.map(passed)]),
    row(['run against', ...reports.map(against)]),
    ...paths.map((path) => row([`\`${path}\``, ...columns.map((column) => column.get(path) ?? '')])),
  ].join('\n');
}

/** What tells backends apart at a glance. */
const ofRecords = {
  lists: 'records.list',
  queries: 'records.query',
  'conditional writes': 'records.conditional',
  streams: 'records.streams',
  expiry: 'records.ttl',
  transactions: 'transactions',
  messaging: 'messaging',
};
const ofVectors = {
  metrics: 'vectors.metrics',
  dimensions: 'vectors.maxDimension',
  'at once': 'vectors.maxLimit',
  'exact search': 'vectors.exact',
  'delete by filter': 'vectors.deleteWhere',
  'whole upserts': 'vectors.atomicUpsert',
  consistency: 'consistency',
};

/** A row a backend. */
const summary = (summarized) => (reports) => {
  const head = ['', 'run against', 'tests passed', ...Object.keys(summarized)];
  return [
    row(head),
    row(head.map(() => '---')),
    ...reports.map((report) => {
      const flags = flatten(report.capabilities, '', new Map());
      const cells = Object.values(summarized).map((path) => flags.get(path) ?? 'no');
      return row([report.backend, against(report), passed(report), ...cells]);
    }),
  ].join('\n');
};

/** What a table says of each backend: its row, or its column. */
function byBackend(table, columns) {
  const rows = table.split('\n').map((line) => line.split(' | ').map((cell) => cell.replace(/^\| ?| ?\|$/g, '')));
  const [head = [], , ...body] = rows;
  return columns
    ? new Map(head.slice(1).map((name, i) => [name, body.map((cells) => `${cells[0]}: ${cells[i + 1]}`)]))
    : new Map(body.map((cells) => [cells[0], cells.slice(1).map((cell, i) => `${head[i + 1]}: ${cell}`)]));
}

/** What the reports say otherwise than the written table. A backend that ran against another maker's server here may differ. */
function differences(written, made, columns) {
  const before = byBackend(written, columns);
  const now = byBackend(made, columns);
  return [...new Set([...before.keys(), ...now.keys()])].flatMap((name) => {
    const [old = [], next = []] = [before.get(name), now.get(name)];
    const server = (cells) => cells.find((cell) => cell.startsWith('run against: '));
    if (server(old) !== undefined && server(next) !== undefined && server(old) !== server(next)) {
      console.log(`${name} is not compared: ${server(old)} when the table was made, ${server(next)} here`);
      return [];
    }
    const wrong = next.filter((cell) => !old.includes(cell));
    if (next.length === 0) wrong.push('no report');
    return wrong.map((cell) => `${name}: ${cell}`);
  });
}

const check = process.argv.includes('--check');
const all = readReports();
if (all.length === 0) throw new Error('There are no reports of the conformance kit; run `npm test` first.');
// What keeps vectors alone would be a column of "no" among the records.
const groups = {
  records: all.filter(({ capabilities: { records, vectors } }) => records || !vectors),
  vectors: all.filter(({ capabilities }) => capabilities.vectors),
};
for (const [name, group, make, columns] of [
  ['README.md', 'records', summary(ofRecords), false],
  ['README.md', 'vectors', summary(ofVectors), false],
  ['docs/backends.md', 'records', matrix, true],
  ['docs/backends.md', 'vectors', matrix, true],
]) {
  const file = join(root, name);
  const [begin, end] = [`<!-- ${group}:begin -->`, `<!-- ${group}:end -->`];
  const text = readFileSync(file, 'utf8');
  const [head, rest] = text.split(begin);
  const [written, tail] = rest?.split(end) ?? [];
  if (tail === undefined) throw new Error(`${name} has no place for the matrix: ${begin} … ${end}`);
  const table = make(groups[group].map((report) => ({ ...report, capabilities: partOf(report.capabilities, group) })));
  if (!check) {
    writeFileSync(file, `${head}${begin}\n${table}\n${end}${tail}`);
    continue;
  }
  const found = differences(written.trim(), table, columns);
  if (found.length === 0) continue;
  process.exitCode = 1;
  console.error(`${name} is not what the reports say; run \`npm run matrix\`:\n  ${found.join('\n  ')}`);
}
