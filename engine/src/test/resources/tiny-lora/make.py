# A random llama of two layers, two LoRA adapters as PEFT writes them, and what transformers
# computes in float32 with the adapters merged into the weights.
import json, math, sys
from pathlib import Path
import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

out = Path(sys.argv[1]); out.mkdir(parents=True, exist_ok=True)
torch.manual_seed(20261121)
config = LlamaConfig(vocab_size=96, hidden_size=64, intermediate_size=96, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=2, head_dim=16, max_position_embeddings=128,
    tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, rope_theta=10000.0)
model = LlamaForCausalLM(config).eval().float()
with torch.no_grad():
    for name, p in model.named_parameters():
        if p.ndim == 2:
            p.normal_(0, 1.0 if "embed" in name else 2.0 / math.sqrt(p.shape[1]))
        else:
            p.normal_(1, 0.2)
        p.copy_(p.half().float())
base = out / "base"
base.mkdir(exist_ok=True)
state = {n: p.detach().half().contiguous() for n, p in model.named_parameters()}
save_file(state, base / "model.safetensors", metadata={"format": "pt"})
c = json.loads(config.to_json_string(use_diff=False))
keep = ["architectures", "model_type", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
    "num_attention_heads", "num_key_value_heads", "head_dim", "max_position_embeddings",
    "rms_norm_eps", "tie_word_embeddings", "bos_token_id", "eos_token_id", "hidden_act"]
c = {k: c[k] for k in keep if k in c}
c["rope_theta"] = 10000.0
c["architectures"] = ["LlamaForCausalLM"]; c["model_type"] = "llama"
(base / "config.json").write_text(json.dumps(c, indent=1) + "\n")

def forward(m, prompt, steps=12):
    with torch.no_grad():
        ids = list(prompt)
        logits = m(torch.tensor([ids])).logits[0]
        first = logits
        greedy = []
        for _ in range(steps):
            nxt = int(logits[-1].argmax()); greedy.append(nxt); ids.append(nxt)
            logits = m(torch.tensor([ids])).logits[0]
    return first[-1], [int(x) for x in first.argmax(-1)], greedy

prompt = [1] + [int(x) for x in torch.randint(3, 96, (39,))]
golden = {"prompt_ids": prompt, "adapters": {}}
def record(name, m):
    last, best, greedy = forward(m, prompt)
    golden["adapters"][name] = {"last_logits": [round(float(x), 6) for x in last],
        "argmax_per_position": best, "greedy_ids": greedy}

record("none", model)
def adapter(name, modules, config_json, ranks, dtype):
    d = out / name; d.mkdir(exist_ok=True)
    tensors = {}
    merged = LlamaForCausalLM(config).eval().float()
    merged.load_state_dict(model.state_dict())
    with torch.no_grad():
        for n, m in merged.named_modules():
            short = n.split(".")[-1]
            if short not in modules: continue
            r = ranks.get(short, config_json["r"])
            a = torch.randn(r, m.in_features) / math.sqrt(m.in_features)
            b = torch.randn(m.out_features, r) / math.sqrt(r) * 0.5
            a = a.to(dtype).float(); b = b.to(dtype).float()
            alpha = config_json.get("alpha_pattern", {}).get(short, config_json["lora_alpha"])
            scale = alpha / (math.sqrt(r) if config_json.get("use_rslora") else r)
            m.weight += scale * b @ a
            tensors[f"base_model.model.{n}.lora_A.weight"] = a.to(dtype).contiguous()
            tensors[f"base_model.model.{n}.lora_B.weight"] = b.to(dtype).contiguous()
    save_file(tensors, d / "adapter_model.safetensors", metadata={"format": "pt"})
    (d / "adapter_config.json").write_text(json.dumps(config_json, indent=1) + "\n")
    record(name, merged)

common = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "tiny-lora/base", "bias": "none",
    "fan_in_fan_out": False, "init_lora_weights": True, "lora_dropout": 0.05, "modules_to_save": None,
    "use_dora": False, "inference_mode": True}
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
adapter("wide", ALL, {**common, "r": 3, "lora_alpha": 2, "use_rslora": False, "target_modules": ALL,
    "rank_pattern": {"down_proj": 5}, "alpha_pattern": {"down_proj": 3, "o_proj": 1}}, {"down_proj": 5}, torch.float32)
adapter("narrow", ["q_proj", "v_proj"], {**common, "r": 8, "lora_alpha": 4, "use_rslora": True,
    "target_modules": ["q_proj", "v_proj"], "rank_pattern": {}, "alpha_pattern": {}}, {}, torch.float16)
# For llama.cpp's converter, which knows one alpha for all: alpha over rank, all projections.
adapter("even", ALL, {**common, "r": 4, "lora_alpha": 3, "use_rslora": False, "target_modules": ALL}, {}, torch.float16)
(out / "golden.json").write_text(json.dumps(golden) + "\n")
for k, v in golden["adapters"].items(): print(k, v["greedy_ids"], max(map(abs, v["last_logits"])))
