import * as alarms from "../../model/alarms/model.ts";
import { describeModel } from "./model-suite.ts";

const atTheWorker = "receives hydrates reads drops runs arms loses commits misses is deletes crashes";
const around = ["caller:", "wake:", "early-wake:", "copied-wake:", "time:", "air:", "lease:"];

describeModel(alarms, [...atTheWorker.split(" "), ...around]);
