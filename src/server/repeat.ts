/**
 * Runs `task` again and again, each time `milliseconds` after the last one ended. Does not keep the process alive.
 * @returns a function that stops it
 */
export function repeat(task: () => Promise<void>, milliseconds: number): () => void {
  let stopped = false;
  let timer = setTimeout(run, milliseconds);
  timer.unref();

  function run(): void {
    void task().finally(() => {
      if (stopped) return;
      timer = setTimeout(run, milliseconds);
      timer.unref();
    });
  }

  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
