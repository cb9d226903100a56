// What the tests use of node, whose own declarations are no Debian package.

declare module "node:test" {
  interface TestContext {
    after(cleanUp: () => unknown): void;
  }
  interface Mocked {
    mock: { callCount(): number; restore(): void };
  }
  export function test(name: string, run: (context: TestContext) => unknown): void;
  export const mock: {
    timers: { enable(options: { apis: string[] }): void; tick(milliseconds: number): void; reset(): void };
    // As many arguments as the method has, which are its own.
    method(object: object, name: string, stand: (...args: any[]) => unknown): Mocked;
  };
}

declare module "node:assert/strict" {
  interface Assert {
    (value: unknown, message?: string): asserts value;
    ok(value: unknown, message?: string): asserts value;
    equal(actual: unknown, expected: unknown, message?: string): void;
    notEqual(actual: unknown, expected: unknown, message?: string): void;
    deepEqual(actual: unknown, expected: unknown, message?: string): void;
    match(text: string, pattern: RegExp, message?: string): void;
    throws(action: () => unknown, expected?: object): void;
    rejects(result: Promise<unknown>, expected?: object): Promise<void>;
  }
  const assert: Assert;
  export default assert;
}

declare module "node:fs" {
  export function readFileSync(file: URL, encoding: "utf8"): string;
  export function writeFileSync(file: URL, text: string): void;
}

declare function setImmediate(action: (value: void) => void): void;
declare const process: { argv: string[]; exitCode: number };
