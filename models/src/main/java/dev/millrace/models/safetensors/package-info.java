/**
 * Reads checkpoints as Hugging Face keeps them, trusting nothing in them
 * (<a href="https://huggingface.co/docs/safetensors">the format</a>).
 *
 * <p>Whoever builds a model from a directory opens a {@link Checkpoint}: every weight under the
 * name that the model's authors gave it ({@code model.layers.0.self_attn.q_proj.weight}), with its
 * shape, and as a tensor that the kernels compute, however it is stored. The layers beneath are
 * {@link SafetensorsFolder}, one name space over a file or its shards, and
 * {@link SafetensorsFile}, one mapped file.
 *
 * <pre>{@code
 * try (Checkpoint checkpoint = Checkpoint.open(directory, config.get("quantization_config"))) {
 *     CheckpointTensor tensor = checkpoint.find("model.norm.weight").orElseThrow();
 *     QuantTensor weights = checkpoint.read(tensor);
 * }
 * }</pre>
 */
package dev.millrace.models.safetensors;
