import { renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { Annotations, AssetHashType, type CfnResource, DockerImage } from "aws-cdk-lib";
import { Code, type CodeConfig, type ResourceBindOptions } from "aws-cdk-lib/aws-lambda";
import { Asset } from "aws-cdk-lib/aws-s3-assets";
import type { Construct } from "constructs";
import type { Handler } from "../project/bundle.ts";
import type { ProjectCode } from "../project/project.ts";

export interface FunctionSource {
  readonly project: ProjectCode;
  readonly handler: Handler;
}

/** Writes `index.mjs`, which exports `handler`, and nothing else into a folder. */
export type Bundle = (source: FunctionSource & { readonly outDir: string }) => {
  /** A file alone in a folder of its own beside `outDir`. */
  readonly sourceMapFile?: string;
  readonly warnings: readonly string[];
};

/** The code of one function, bundled at synthesis and skipped by commands that upload nothing, such as `cdk destroy`. */
export class FunctionCode extends Code {
  readonly isInline = false;
  readonly #source: FunctionSource;
  readonly #bundle: Bundle;
  #asset: Asset | undefined;

  constructor({ bundle, ...source }: FunctionSource & { readonly bundle: Bundle }) {
    super();
    this.#source = source;
    this.#bundle = bundle;
  }

  override bind(scope: Construct): CodeConfig {
    this.#asset = this.#createAsset(scope);
    return {
      s3Location: { bucketName: this.#asset.s3BucketName, objectKey: this.#asset.s3ObjectKey },
    };
  }

  // Tells the CDK CLI where the code lies on this machine, for `cdk watch` and local runs.
  override bindToResource(
    resource: CfnResource,
    { resourceProperty = "Code" }: ResourceBindOptions = {},
  ): void {
    this.#asset?.addResourceMetadata(resource, resourceProperty);
  }

  #createAsset(scope: Construct): Asset {
    const { handler, project } = this.#source;
    let result: ReturnType<Bundle> = { warnings: [] };
    let failure: unknown;
    const tryBundle = (outDir: string): true => {
      try {
        result = this.#bundle({ ...this.#source, outDir });
        return true;
      } catch (error) {
        failure = error;
        throw error;
      }
    };
    try {
      const asset = new Asset(scope, "Code", {
        path: this.#source.project.dir,
        assetHashType: AssetHashType.OUTPUT,
        bundling: {
          // Never pulled, because the local bundling always answers. The command only tells the bundles of a
          // folder apart: the CDK bundles assets with equal options once.
          image: DockerImage.fromRegistry("none"),
          command: [
            handler,
            project.main,
            ...project.manifest.actors.flatMap(({ binding, type }) => [binding, type]),
          ],
          local: { tryBundle },
        },
      });
      if (result.sourceMapFile !== undefined) keepSourceMap(result.sourceMapFile, asset.assetHash);
      for (const warning of result.warnings) {
        Annotations.of(scope).addWarningV2(`stateful-actors:bundle-${this.#source.handler}`, warning);
      }
      return asset;
    } catch (error) {
      // The CDK puts its own words and a path around the message that the developer needs.
      throw failure ?? error;
    }
  }
}

// Beside the asset in the output folder, under its hash: the name by which a deployed function's code is found again.
function keepSourceMap(file: string, assetHash: string): void {
  const folder = dirname(file);
  const kept = join(dirname(folder), `asset.${assetHash}-map`);
  rmSync(kept, { recursive: true, force: true });
  renameSync(folder, kept);
}
