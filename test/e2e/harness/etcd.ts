import { flagsOf } from './flag.ts';
import { freePort } from './free-port.ts';
import { statusOf } from './http-status.ts';
import { programOf } from './part.ts';
import { Process } from './process.ts';
import type { WorkFolder } from './work-folder.ts';

export interface Etcd {
  /** `http://127.0.0.1:4711` */
  readonly url: string;
  readonly process: Process;
}

/** Starts an etcd of one member with its data in that folder. */
export async function startEtcd(folder: WorkFolder): Promise<Etcd> {
  const url = `http://127.0.0.1:${await freePort()}`;
  const peer = `http://127.0.0.1:${await freePort()}`;
  const flags = {
    'data-dir': folder.file('etcd'),
    'listen-client-urls': url,
    'advertise-client-urls': url,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `default=${peer}`,
    // What is stored is thrown away: no test waits for a disk that others keep busy.
    'unsafe-no-fsync': true,
  };
  const options = { command: programOf('etcd'), args: flagsOf(flags), logFile: folder.logFile('etcd') };
  const started = await Process.start(options, async () => (await statusOf(`${url}/health`)) === 200);
  return { url, process: started };
}
