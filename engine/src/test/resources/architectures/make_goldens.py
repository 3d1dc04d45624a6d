"""Makes the directories beside this file: tiny random models and what transformers computes.

Run with torch, safetensors and transformers 5.18: python make_goldens.py
Weights have few enough bits for bfloat16 (experts of gpt-oss: for MXFP4), so files hold them
exactly; the golden logits are computed in float32 with eager attention.
"""

import json
import pathlib
import random

import torch
import transformers
from safetensors.torch import save_file
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

HERE = pathlib.Path(__file__).parent
VOCABULARY = 96
PROMPT = 40
GREEDY = 16
ROPE = {"rope_type": "default", "rope_theta": 10000.0}


def common(**changes):
    values = {
        "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 48,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "head_dim": 8, "max_position_embeddings": 256, "rms_norm_eps": 1e-6,
        "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
        "tie_word_embeddings": False, "attention_dropout": 0.0, "rope_parameters": ROPE,
    }
    values.update(changes)
    return values


def rounded(tensor):
    return tensor.to(torch.bfloat16).to(torch.float32)


def randomise(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            if "norm" in name:
                value = 1 + 0.1 * noise
            elif name.endswith("bias") or "sinks" in name:
                value = 0.5 * noise
            elif "embed" in name:
                value = noise
            else:
                value = noise * 1.5 / weight.shape[-1] ** 0.5
            weight.copy_(rounded(value))


def golden(model, source, seed):
    """Of the first prompt whose choices are far enough apart to be the same anywhere."""
    return next(found for found in (answer(model, source, seed + i) for i in range(100)) if found)


def answer(model, source, seed):
    rng = random.Random(seed)
    prompt = [1] + [rng.randrange(3, VOCABULARY) for _ in range(PROMPT - 1)]
    ids = list(prompt)
    margins = []
    with torch.no_grad():
        logits = model(torch.tensor([prompt])).logits[0]
        first = logits
        best = torch.topk(first, 2, dim=-1).values
        margins.append(float(((best[:, 0] - best[:, 1]) / best[:, 0].abs().max()).min()))
        cache = None
        for _ in range(GREEDY):
            step = model(torch.tensor([ids if cache is None else ids[-1:]]),
                         past_key_values=cache, use_cache=True)
            cache = step.past_key_values
            last = step.logits[0, -1]
            best = torch.topk(last, 2).values
            margins.append(float(best[0] - best[1]) / float(last.abs().max()))
            ids.append(int(last.argmax()))
    return min(margins) > 2e-3 and {
        "architecture": model.config.model_type, "source": source, "prompt_ids": prompt,
        "last_logits": [round(float(x), 6) for x in first[-1]],
        "argmax_per_position": [int(x) for x in first.argmax(-1)],
        "logsumexp_per_position": [round(float(x), 6) for x in first.logsumexp(-1)],
        "greedy_ids": ids[PROMPT:],
    }


def write(name, model, state, seed, changes=None):
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    config = model.config.to_dict()
    for key in ("dtype", "torch_dtype", "_name_or_path", "transformers_version"):
        config.pop(key, None)
    config.update(changes or {})
    (folder / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    save_file({key: value.contiguous() for key, value in state.items()},
              folder / "model.safetensors", metadata={"format": "pt"})
    source = (f"transformers {transformers.__version__}, torch {torch.__version__}, float32 on"
              " CPU, eager attention")
    (folder / "golden.json").write_text(json.dumps(golden(model, source, seed)) + "\n")
    print(name, sum(file.stat().st_size for file in folder.iterdir()))


def small(state):
    return {key: value.to(torch.bfloat16) for key, value in state.items()}


def build(config, seed):
    config._attn_implementation = "eager"
    model = transformers.AutoModelForCausalLM.from_config(config).to(torch.float32).eval()
    randomise(model, seed)
    return model


def plain(name, config, seed):
    model = build(config, seed)
    write(name, model, small(model.state_dict()), seed)


def nibbles(shape, generator):
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


def gpt_oss(seed):
    config = transformers.GptOssConfig(**common(
        intermediate_size=32, num_local_experts=4, num_experts_per_tok=2, sliding_window=8,
        layer_types=["sliding_attention", "full_attention"],
        rope_parameters={"rope_type": "yarn", "rope_theta": 10000.0, "factor": 8.0,
                         "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False,
                         "original_max_position_embeddings": 32}))
    model = build(config, seed)
    generator = torch.Generator().manual_seed(seed + 1)
    packed = {}
    floats = small(model.state_dict())
    for layer, block in enumerate(model.model.layers):
        for part, columns in (("gate_up_proj", 32), ("down_proj", 32)):
            weight = getattr(block.mlp.experts, part)
            key = f"model.layers.{layer}.mlp.experts.{part}"
            outputs = weight.shape[2]
            blocks = nibbles((4, outputs, columns // 32, 16), generator)
            scales = torch.randint(122, 126, blocks.shape[:-1], generator=generator,
                                   dtype=torch.uint8)
            unpacked = convert_moe_packed_tensors(blocks, scales, dtype=torch.bfloat16)
            with torch.no_grad():
                weight.copy_(unpacked.reshape(weight.shape).to(torch.float32))
            floats[key] = weight.detach().to(torch.bfloat16)
            assert torch.equal(floats[key].to(torch.float32), weight)
            packed[key + "_blocks"] = blocks
            packed[key + "_scales"] = scales
    write("gpt-oss", model, floats, seed)
    others = {key: value for key, value in floats.items() if key + "_blocks" not in packed}
    write("gpt-oss-mxfp4", model, {**others, **packed}, seed, {"quantization_config": {
        "quant_method": "mxfp4", "modules_to_not_convert": [
            "model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens",
            "lm_head"]}})


def main():
    gpt_oss(3)
    plain("qwen2-moe", transformers.Qwen2MoeConfig(**common(
        num_experts=6, num_experts_per_tok=2, moe_intermediate_size=24,
        shared_expert_intermediate_size=40, decoder_sparse_step=1, norm_topk_prob=False,
        mlp_only_layers=[])), 5)
    for kind, extra in (("linear", {"factor": 4.0}), ("yarn", {
            "factor": 8.0, "original_max_position_embeddings": 32})):
        plain("llama-" + kind, transformers.LlamaConfig(**common(rope_parameters={
            "rope_type": kind, "rope_theta": 10000.0, **extra})), 7)
    plain("phi3-longrope", transformers.Phi3Config(**common(
        original_max_position_embeddings=32, rope_parameters={
            "rope_type": "longrope", "rope_theta": 10000.0,
            "short_factor": [1.0, 1.0, 1.0, 1.0], "long_factor": [1.1, 1.7, 3.0, 7.5],
            "original_max_position_embeddings": 32})), 9)


if __name__ == "__main__":
    main()
