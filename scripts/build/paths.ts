import { fileURLToPath } from "node:url";

/** The project's own directory: the build may be started from anywhere. */
export const PROJECT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
export const DIST = `${PROJECT}/dist`;
