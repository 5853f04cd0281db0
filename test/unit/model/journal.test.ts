import * as journal from "../../model/journal/model.ts";
import { describeModel } from "./model-suite.ts";

const atTheWorker =
  "hydrates hydrates: reads runs begins puts flips commits applies forgets removes lists drops verifies is finds loses ends crashes";

describeModel(journal, [...atTheWorker.split(" "), "air:"]);
