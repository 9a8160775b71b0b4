import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'undici';
import { programOf } from '../e2e/harness/part.ts';

/** What the API server answered to a create. */
export interface Created {
  readonly name: string;
  readonly status: number;
  /** Of the first container, as it is stored. */
  readonly image: string;
  readonly milliseconds: number;
  /** When it was sent, as `performance.now` counts. */
  readonly sentAt: number;
}

/** `kubectl proxy`: many requests to the API server in a row, without a process for each. */
export class Proxy {
  readonly #child: ChildProcess;
  readonly #url: string;
  readonly #agent = new Agent();

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.#url = url;
  }

  static async start(kubeconfig: string): Promise<Proxy> {
    const child = spawn(programOf('kubectl'), ['proxy', '--port=0'], {
      env: { ...process.env, KUBECONFIG: kubeconfig },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(child.stdout, 'data');
    const [, host] = /serve on (\S+)/.exec(String(line)) ?? [];
    if (host === undefined) throw new Error(`Cannot start kubectl proxy: ${line}`);
    return new Proxy(child, `http://${host}`);
  }

  /** @param object a Deployment or DaemonSet */
  async create(namespace: string, name: string, object: object): Promise<Created> {
    const sentAt = performance.now();
    const answer = await request(`${this.#url}/apis/apps/v1/namespaces/${namespace}/deployments`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(object),
      dispatcher: this.#agent,
    });
    const text = await answer.body.text();
    const [, image = ''] = /"image":"([^"]*)"/.exec(text) ?? [];
    return { name, status: answer.statusCode, image, milliseconds: performance.now() - sentAt, sentAt };
  }

  async stop(): Promise<void> {
    await this.#agent.close();
    const ended = once(this.#child, 'exit');
    this.#child.kill();
    await ended;
  }
}
