export type { TestClock, TestContext } from './context.ts';
export { type Explain, type FilterFuzzOptions, type FilterFuzzReport, runFilterFuzz } from './fuzz.ts';
export type { CreateOptions, Harness, Outage, Runner, ServerFacts } from './harness.ts';
export { type ConformanceReport, reportToMarkdown, type SuiteResult, type TestResult, writeReport } from './report.ts';
export { type ConformanceOptions, checkConformance, chooseTests, type RunOptions, runConformance } from './run.ts';
export type { ConformanceTest, Suite } from './suite.ts';
export { suites } from './suites/index.ts';
export { runVectorFuzz, type VectorFuzzOptions, type VectorFuzzReport } from './vector-fuzz.ts';
