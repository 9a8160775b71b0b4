/**
 * The certificate library wires its algorithms with a dependency-injection container that refuses to load without the
 * Reflect metadata API. It asks only for the types of constructor parameters, and none of its classes has any: an API
 * that knows nothing is enough. Import this module before the library.
 */
if (!('getMetadata' in Reflect)) {
  Object.assign(Reflect, { getMetadata: knowsNothing, getOwnMetadata: knowsNothing });
}

function knowsNothing(): undefined {
  return undefined;
}
