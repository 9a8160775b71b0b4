import { freePort } from './free-port.ts';
import { statusOf } from './http-status.ts';
import { programOf } from './part.ts';
import { Process } from './process.ts';
import { WorkFolder } from './work-folder.ts';

/** A zot on a loopback port, which goes with its files when it is closed. It lists referrers by the API. */
export interface ZotServer {
  /** `127.0.0.1:4711` */
  readonly host: string;
  /** `http://127.0.0.1:4711` */
  readonly url: string;
  readonly close: () => Promise<void>;
}

export async function startZot(): Promise<ZotServer> {
  const folder = new WorkFolder('zot');
  const port = await freePort();
  const { host, origin: url } = new URL(`http://127.0.0.1:${port}`);
  const configuration = {
    distSpecVersion: '1.1.1',
    storage: { rootDirectory: folder.file('storage'), gc: false },
    // Without it images of Docker are refused.
    http: { address: '127.0.0.1', port: String(port), compat: ['docker2s2'] },
    log: { level: 'warn' },
  };
  const process = await Process.start(
    {
      command: programOf('zot'),
      args: ['serve', folder.write('zot.json', JSON.stringify(configuration))],
      logFile: folder.logFile('zot'),
    },
    async () => (await statusOf(`${url}/v2/`)) === 200,
  );
  return {
    host,
    url,
    close: async () => {
      await process.stop();
      await folder.remove();
    },
  };
}
