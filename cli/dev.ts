// The path by which test/embedded/dev-server.ts starts the server; goes as soon as that starts `cli/actors.ts dev`.
process.argv.splice(2, 0, "dev");
await import("./actors.ts");
