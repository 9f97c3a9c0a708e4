/** Started by `up` inside the sandbox's namespaces: daemon-main.ts NAME */
import { startCloud } from "./cloud/cloud.ts";
import { daemon } from "./daemon.ts";
import { place } from "./place.ts";

await daemon(place(process.argv[2] ?? "", process.env), startCloud);
