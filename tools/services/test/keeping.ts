import { expect, test } from '@jest/globals';
import { leaseService, type OwnService, type ServiceName, startOwn, urlVariable } from '../src/index.ts';
import { onOwnService } from '../src/testing.ts';
import { withEnv } from './support.ts';

/** One of these writes and reads a value by the server's usual client. */
export interface Kind {
  write(url: string, key: string): Promise<void>;
  read(url: string, key: string): Promise<string | undefined>;
  /** The URL with credentials that are not let in; `undefined` where nobody is asked for any. */
  forged(url: string): string | undefined;
}

async function expectByUrl(own: OwnService, { forged }: Kind): Promise<void> {
  const variable = urlVariable(own.name);
  const given = await withEnv({ [variable]: own.url }, () => leaseService(own.name));
  expect(given).toMatchObject({ how: 'url', url: own.url, nodes: [new URL(own.url).host] });
  const wrong = forged(own.url);
  if (wrong === undefined) return;
  const refused = withEnv({ [variable]: wrong }, () => leaseService(own.name));
  await expect(refused).rejects.toThrow(variable);
  await expect(refused).rejects.not.toThrow('forged-secret');
}

/** What was acknowledged outlives a kill and a stop, and the server can be had by its URL. */
export async function testKeeping(kinds: Partial<Record<ServiceName, Kind>>): Promise<void> {
  for (const [name, kind] of Object.entries(kinds) as [ServiceName, Kind][]) {
    await onOwnService(name, () => testOne(name, kind));
  }
}

function testOne(name: ServiceName, kind: Kind): void {
  test(`${name} keeps its data over a kill and a stop, and can be had by its URL`, async () => {
    await using own = await startOwn(name, { durable: true });
    await kind.write(own.url, 'before-kill');
    await own.kill();
    await own.start();
    expect(await kind.read(own.url, 'before-kill')).toBe('value of before-kill');
    await kind.write(own.url, 'before-stop');
    await own.stop();
    await own.start();
    expect(await kind.read(own.url, 'before-stop')).toBe('value of before-stop');
    await expectByUrl(own, kind);
  }, 120_000);
}
