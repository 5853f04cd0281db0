import * as pipeline from "../../model/pipeline/model.ts";
import { describeModel } from "./model-suite.ts";

const atTheWorker =
  "receives hydrates runs settles commits lands: hears is loses files can't deletes crashes";

describeModel(pipeline, [...atTheWorker.split(" "), "air:", "lease:"]);
