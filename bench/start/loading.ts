// Loads a function's bundle in a fresh process, as a cold start does, and prints what that took, as JSON: `node loading.ts <file>`.

const [file = ""] = process.argv.slice(2);
const cpu = process.cpuUsage();
const began = performance.now();
await import(file);
const ms = performance.now() - began;
const { user, system } = process.cpuUsage(cpu);
console.log(JSON.stringify({ ms, cpuMs: (user + system) / 1000 }));
process.exit();
