import * as calls from "../../model/calls/model.ts";
import { describeModel } from "./model-suite.ts";

const atTheWorker =
  "receives comes hydrates looks verifies runs commits is loses files can't sends empties deletes crashes begins dies takes keeps buries refuses";

describeModel(calls, [...atTheWorker.split(" "), "air:", "lease:", "process:"]);
