import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RecordingLogger } from '../../test/fakes/recording-logger.ts';
import { tempFolder } from '../../test/fakes/temp-folder.ts';
import { JUDGEMENT } from '../../test/judgement.ts';
import { ConfigError } from '../config/config-error.ts';
import { loadSettings, type Settings } from '../config/configuration.ts';
import { LiveJudgement } from './live-judgement.ts';
import { readNaming } from './naming.ts';

interface Scene {
  readonly live: LiveJudgement;
  readonly log: RecordingLogger;
  readonly settings: Settings;
}

async function scene(): Promise<Scene> {
  const settings = await loadSettings({ environment: {} });
  const log = new RecordingLogger();
  return { settings, log, live: new LiveJudgement({ settings, log, naming: JUDGEMENT.naming }) };
}

function namesOf({ current }: LiveJudgement): readonly string[] {
  return current.rules.map(({ name }) => name);
}

const SKIP = { name: 'skip-all', action: 'skip' as const };
const BAD = { action: 'skip' as const, match: { images: ['alpine'] } };

describe('a judgement that lives as long as the program', () => {
  test('takes over rules, kinds and the switch from a configuration that changed', async () => {
    const { live, log, settings } = await scene();
    const before = live.current;
    const workloads = [{ kind: 'Rollout.argoproj.io', podSpec: '.spec.template.spec' }];
    await live.refresh(async () => ({ ...settings, rules: [SKIP], workloads, webhook: { enabled: false } }));
    expect(namesOf(live)).toEqual(['skip-all']);
    expect(live.current.enabled).toBe(false);
    expect(live.current.kinds.has('Rollout.argoproj.io')).toBe(true);
    expect(live.current.naming).toBe(before.naming);
    expect(before.rules).toEqual([]);
    expect(log.records).toEqual([
      {
        level: 'info',
        message: 'Configuration read again',
        fields: { keys: ['rules', 'workloads', 'webhook'] },
      },
    ]);
  });

  test('says nothing as long as nothing changes', async () => {
    const { live, log, settings } = await scene();
    const before = live.current;
    await live.refresh(async () => settings);
    await live.refresh(async () => ({ ...settings }));
    expect(live.current).toBe(before);
    expect(log.records).toEqual([]);
  });

  test('keeps the last good one when the new one cannot be used, and says so once', async () => {
    const { live, log, settings } = await scene();
    await live.refresh(async () => ({ ...settings, rules: [SKIP] }));
    const bad = { ...settings, rules: [BAD] };
    await live.refresh(async () => bad);
    await live.refresh(async () => bad);
    await live.refresh(async () => ({ ...bad }));
    expect(namesOf(live)).toEqual(['skip-all']);
    expect(log.messages('error')).toEqual(['Configuration not usable, the last good one stays']);
    expect(log.records.at(-1)?.fields.error).toMatchObject({
      message: expect.stringContaining('rules.0.match.images.0: got "alpine"'),
    });
  });

  test('keeps it, too, when the file is not to be read', async () => {
    const { live, log, settings } = await scene();
    await live.refresh(async () => ({ ...settings, rules: [SKIP] }));
    await live.refresh(() =>
      Promise.reject(new ConfigError([{ at: '/config.yaml', what: 'cannot be read' }])),
    );
    expect(namesOf(live)).toEqual(['skip-all']);
    expect(log.messages('error')).toHaveLength(1);
  });

  test('tells of the next fault, and of the end of all faults', async () => {
    const { live, log, settings } = await scene();
    await live.refresh(async () => ({ ...settings, rules: [BAD] }));
    await live.refresh(async () => ({ ...settings, rules: [SKIP, BAD] }));
    await live.refresh(async () => settings);
    await live.refresh(async () => settings);
    expect(log.messages()).toEqual([
      'Configuration not usable, the last good one stays',
      'Configuration not usable, the last good one stays',
      'Configuration read again',
    ]);
    expect(namesOf(live)).toEqual([]);
  });

  test('says what has to wait for a restart', async () => {
    const { live, log, settings } = await scene();
    await live.refresh(async () => ({
      ...settings,
      listen: ':1',
      rules: [SKIP],
      copy: { ...settings.copy, waitSeconds: 1, onPending: 'deny' },
    }));
    expect(log.records).toEqual([
      { level: 'info', message: 'Configuration read again', fields: { keys: ['rules'] } },
      {
        level: 'warn',
        message: 'Configuration changed, these keys need a restart',
        fields: { keys: ['copy.onPending', 'copy.waitSeconds', 'listen'] },
      },
    ]);
  });

  test('does not begin with a bad one', async () => {
    const { settings, log } = await scene();
    expect(
      () => new LiveJudgement({ settings: { ...settings, rules: [BAD] }, log, naming: JUDGEMENT.naming }),
    ).toThrow(ConfigError);
  });

  test('reads the map again when its file changes, and keeps the last good one', async () => {
    const mapFile = join(await tempFolder(), 'imageswap-maps.conf');
    await writeFile(mapFile, 'default::a.example.com');
    const environment = { REGISTRY: 'a.example.com', REGISTRY_NAMING: 'map', REGISTRY_MAP_FILE: mapFile };
    const settings = await loadSettings({ environment });
    const log = new RecordingLogger();
    const live = new LiveJudgement({ settings, log, naming: await readNaming(settings) });
    function target(): string | undefined {
      const { naming } = live.current;
      return naming.scheme === 'map' ? naming.map.targetOf('nginx:1') : undefined;
    }
    await live.refresh(async () => settings);
    expect([target(), log.records]).toEqual(['a.example.com/nginx:1', []]);
    await writeFile(mapFile, 'default::b.example.com');
    await live.refresh(async () => settings);
    expect(target()).toBe('b.example.com/nginx:1');
    await writeFile(mapFile, 'nonsense');
    await live.refresh(async () => settings);
    await live.refresh(async () => settings);
    expect(target()).toBe('b.example.com/nginx:1');
    expect(log.records.map(({ message }) => message)).toEqual([
      'Configuration read again',
      'Configuration not usable, the last good one stays',
    ]);
  });
});
