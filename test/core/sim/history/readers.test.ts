import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { UpdraftError } from "../../../../core/errors.ts";
import { formatOf, workloadReader, type Format } from "../../../../core/sim/history/detect.ts";
import type { ReadWorkload } from "../../../../core/sim/history/reader.ts";

function read(text: string, format?: Format, piece = text.length || 1): ReadWorkload {
  const reader = workloadReader(format);
  for (let i = 0; i < text.length; i += piece) reader.push(text.slice(i, i + piece));
  return reader.end();
}

const refused = (text: string, message: RegExp, format?: Format): void => {
  assert.throws(
    () => read(text, format),
    (error: unknown) =>
      error instanceof UpdraftError && error.kind === "usage" && message.test(error.message),
    text,
  );
};

type Ad = Record<string, number | string | boolean>;
const AD: Ad = {
  ClusterId: 1,
  ProcId: 0,
  JobStatus: 4,
  JobUniverse: 5,
  QDate: 1000,
  JobStartDate: 1100,
  JobCurrentStartDate: 1200,
  CompletionDate: 1500,
  RemoteWallClockTime: 400,
  NumJobStarts: 2,
  RequestCpus: 2,
  RequestMemory: 2048,
  RequestDisk: 100,
  RequestGPUs: 1,
  User: 'a"<b>&c@example.org',
  OnExitRemove: true,
};

const long = (...ads: readonly Ad[]): string =>
  ads
    .map((ad) =>
      Object.entries(ad)
        .map(([name, value]) => `${name} = ${typeof value === "string" ? JSON.stringify(value) : value}\n`)
        .join(""),
    )
    .join("\n");
const json = (...ads: readonly Ad[]): string => `${JSON.stringify(ads, undefined, 2)}\n`;
const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
const xml = (...ads: readonly Ad[]): string =>
  [
    '<?xml version="1.0"?>\n<!DOCTYPE classads SYSTEM "classads.dtd">\n<classads>',
    ...ads.map((ad) => {
      const attributes = Object.entries(ad).map(([name, value]) => {
        if (typeof value === "boolean") return `    <a n="${name}"><b v="${value ? "t" : "f"}"/></a>`;
        if (typeof value === "string") return `    <a n="${name}"><s>${escape(value)}</s></a>`;
        return `    <a n="${name}"><${Number.isInteger(value) ? "i" : "r"}>${value}</${Number.isInteger(value) ? "i" : "r"}></a>`;
      });
      return `<c>\n${attributes.join("\n")}\n</c>`;
    }),
    "</classads>\n",
  ].join("\n");
const WRITERS = { long, json, xml } as const;

for (const [format, write] of Object.entries(WRITERS)) {
  test(`condor_history -${format} gives submission, last run, request and user`, () => {
    const { jobs, rows, skipped, assumed } = read(write(AD, { ...AD, QDate: 900, JobCurrentStartDate: 950 }));
    assert.deepEqual([rows, skipped, assumed], [2, {}, {}]);
    assert.deepEqual([...jobs.submitted], [0, 100]);
    assert.deepEqual([...jobs.runSeconds], [550, 300]);
    assert.deepEqual(jobs.requests, [{ cpus: 2, memory: 2048, disk: 100, gpus: 1 }]);
    assert.deepEqual(jobs.owners, ['a"<b>&c@example.org']);
  });

  test(`-${format} reads the same wherever its pieces end, and several documents`, () => {
    const text = write(AD, { ...AD, QDate: 1100 }) + (format === "long" ? "\n" : "") + write(AD);
    const whole = read(text);
    assert.equal(whole.rows, 3);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), (piece) => {
        assert.deepEqual(read(text, undefined, piece), whole);
      }),
      { numRuns: 40 },
    );
  });

  test(`-${format} counts what is no job of a simulation`, () => {
    const without = (...names: readonly string[]): Ad =>
      Object.fromEntries(Object.entries(AD).filter(([name]) => !names.includes(name)));
    const { rows, skipped, assumed, jobs } = read(
      write(
        { ...AD, JobStatus: 3 },
        { ...AD, JobUniverse: 7 },
        { ...AD, QDate: 0 },
        { ...AD, CompletionDate: 1100 },
        { ...AD, JobCurrentStartDate: 900 },
        { ...AD, CompletionDate: 0 },
        { ...AD, RequestCpus: 0 },
        { ...AD, RequestCpus: "many" },
        // One start: wall-clock time says how long it ran, and the first start is the last.
        {
          ...without("JobCurrentStartDate", "JobStartDate", "NumJobStarts", "RequestCpus"),
          RequestMemory: -1,
        },
        {
          ...without("JobCurrentStartDate", "User", "RequestDisk", "RequestGPUs"),
          NumJobStarts: 1,
          Owner: "bob",
        },
        { ...without("User"), RequestGPUs: "any" },
      ),
    );
    assert.equal(rows, 11);
    assert.deepEqual(skipped, {
      "not completed": 1,
      "not of the vanilla universe": 1,
      "no submission time": 1,
      "impossible times": 2,
      "no run time": 1,
      "no number of CPUs": 2,
    });
    assert.deepEqual(assumed, {
      "memory taken as none": 1,
      "disk taken as none": 1,
      "GPUs taken as none": 1,
      "owner unknown": 1,
    });
    assert.deepEqual([...jobs.runSeconds], [400, 400, 300]);
    assert.deepEqual(jobs.owners, [AD["User"], "bob", ""]);
  });
}

test("an expression is no number, and is said so", () => {
  const expression = "RequestMemory = ifthenelse(MemoryUsage =!= undefined,MemoryUsage,1024)";
  const text = long(AD).replace("RequestMemory = 2048", expression);
  assert.deepEqual(read(text).assumed, { "memory taken as none": 1 });
  const asJson = json(AD).replace('"RequestMemory": 2048', '"RequestMemory": "/Expr(1024 * 2)/"');
  assert.deepEqual(read(asJson).assumed, { "memory taken as none": 1 });
  const asXml = xml(AD).replace("<i>2048</i>", "<e>1024 * 2</e>");
  assert.deepEqual(read(asXml).assumed, { "memory taken as none": 1 });
  const nothing = xml(AD).replace("<i>2048</i>", "<i> </i>");
  assert.deepEqual(read(nothing).assumed, { "memory taken as none": 1 });
});

test("the schedd's own history file ends ads with a banner, and -jsonl has one a line", () => {
  const banner = '*** Offset = 0 ClusterId = 1 ProcId = 0 Owner = "Bob" CompletionDate = 1500\n';
  assert.equal(read(long(AD) + banner + long(AD) + banner).rows, 2);
  assert.equal(read(`${JSON.stringify(AD)}\n${JSON.stringify(AD)}\n`).rows, 2);
  assert.equal(read(long(AD).replaceAll("\n", "\r\n")).rows, 1);
});

test("SWF gives CPUs that were allocated, else asked for, and skips what did not run", () => {
  const line = (over: Record<number, number>): string =>
    Array.from({ length: 18 }, (_, i) => over[i + 1] ?? -1).join(" ");
  const { jobs, skipped, assumed, rows } = read(
    [
      "; Version: 2.2",
      "",
      line({ 1: 1, 2: 50, 4: 100, 5: 4, 10: 1024, 12: 7 }),
      line({ 1: 2, 2: 0, 4: 30, 8: 2, 12: 8 }),
      line({ 2: 5, 4: 30, 5: 1 }),
      line({ 2: 5, 4: 0, 5: 1 }),
      line({ 2: 5, 4: 9 }),
      line({ 4: 9, 5: 1 }),
    ].join("\n"),
  );
  assert.equal(rows, 6);
  assert.deepEqual(skipped, { "no run time": 1, "no number of CPUs": 1, "no submission time": 1 });
  assert.deepEqual(assumed, { "memory taken as none": 2, "owner unknown": 1 });
  assert.deepEqual([...jobs.submitted], [0, 5, 50]);
  assert.deepEqual(
    [...jobs.request].map((i) => [jobs.requests[i]?.cpus, jobs.requests[i]?.memory]),
    [
      [2, 0],
      [1, 0],
      [4, 4],
    ],
  );
  refused("; x\n1 2 3\n", /^line 2: "1 2 3" is not 18 numbers/);
  refused(`${line({})}\n${line({}).replace("-1", "x")}`, /^line 2: /);
});

test("a table needs its heading and numbers, and one CPU is what a job asks for that does not say", () => {
  const { jobs, assumed, skipped } = read("submit_s,runtime_s\n10,5\n0,7\n\n3,0\n");
  assert.deepEqual([...jobs.submitted], [0, 10]);
  assert.deepEqual([...jobs.runSeconds], [7, 5]);
  assert.deepEqual(jobs.requests, [{ cpus: 1, memory: 0, disk: 0, gpus: 0 }]);
  assert.deepEqual(assumed, { "owner unknown": 2 });
  assert.deepEqual(skipped, { "no run time": 1 });
  assert.deepEqual(read("submit_s,runtime_s,cores,user\n0,5,0,a\n").skipped, { "no number of CPUs": 1 });
  refused("submit_s,cores\n1,1\n", /^line 1: the heading has no runtime_s/);
  refused("submit_s,runtime_s,submit_s\n1,1,1\n", /^line 1: a heading stands twice/);
  refused("submit_s,runtime_s\n1,2\n1\n", /^line 3: 1 cells instead of 2/);
  refused("submit_s,runtime_s\n1,\n", /^line 2: runtime_s "" is not a number/);
  refused("submit_s,runtime_s\n1,Infinity\n", /^line 2: runtime_s "Infinity"/);
  refused("submit_s,runtime_s,gpus\n1,2,-1\n", /^line 2: a job cannot ask for less than nothing/);
  refused("", /the table is empty/, "csv");
});

test("texts that are cut short or are something else are refused with their line", () => {
  refused("", /the file is empty/);
  refused("hello world", /begins no known format/);
  refused("JobStatus = 4\nnonsense\n", /^line 2: "nonsense" is not "Name = value"/);
  refused('[\n{"JobStatus": 4,\n', /^line 2: the ad that begins here is not closed/);
  refused('[\n{"JobStatus": 4},\n', /^line 1: the list that begins here is not closed/);
  refused('{"JobStatus": 4}\n]', /^line 2: a list ends here that did not begin/);
  refused('[\n{"JobStatus" 4}\n]', /^line 2: the ad that begins here is not JSON/);
  refused('[{"JobStatus": 4}]\nWarning: x', /^line 2: "W" stands between two ads/);
  refused("<classads>\n<c>\n<a n=", /^line 1: an ad after here is not closed/);
  refused("<classads>\n<c>\n</c>\nfoo\n<c>\n</c>", /^line 3: "foo" stands between two ads/);
  refused("<classads>\n<c>\n</c>\nError: lost", /^line 3: "Error: lost" stands between two ads/);
});

test("braces and quotes within strings do not end an ad", () => {
  const odd = { ...AD, User: 'o}d{"d\\', Environment: { nested: "}" } as unknown as string };
  assert.deepEqual(read(JSON.stringify([odd])).jobs.owners, ['o}d{"d\\']);
});

test("the format is known by the beginning", () => {
  const known: readonly (readonly [string, Format | undefined])[] = [
    ["\uFEFF[\n", "json"],
    ["{", "json"],
    ['<?xml version="1.0"?>', "xml"],
    ["; SWF", "swf"],
    ["  1 0 3 4", "swf"],
    ["*** Offset", "long"],
    ["JobStatus = 4", "long"],
    ["submit_s,runtime_s", "csv"],
    ["???", undefined],
  ];
  for (const [text, format] of known) assert.equal(formatOf(text), format, text);
});
