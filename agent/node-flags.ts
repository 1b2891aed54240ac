/**
 * The flags that the agent's Node runs with. V8 sizes its heap for a whole machine; an agent shares its node with
 * everything else, reads tables of tens of megabytes and throws them away again. Measured in test/bench: without these
 * flags the same readings peak at twice the memory, with a smaller heap they cost half as much CPU again.
 */
export const agentNodeFlags: readonly string[] = [
  // The young generation: three times this is always resident.
  '--max-semi-space-size=2',
  // The old one may double before it is collected, instead of growing to the machine's size.
  '--heap-growing-percent=100',
  // Compiled in turn: a second thread would only burn CPU that the node needs.
  '--no-concurrent-recompilation',
];

/**
 * What the agent's Node finds in its environment, for the allocator of glibc. Dumps are read into large buffers which
 * are freed together; unless each goes back to the system by itself, it keeps 20 to 30 MB of holes between them.
 */
export const agentNodeEnvironment: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '65536',
};
