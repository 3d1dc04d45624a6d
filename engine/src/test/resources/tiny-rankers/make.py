"""Makes the random cross-encoders of this folder and what transformers computes with them in float32.

torch 2.13, transformers 5.18, tokenizers as that brings it: python make.py
"""

import json
import os

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (BertConfig, BertForSequenceClassification, RobertaConfig,
                          RobertaForSequenceClassification)

FOLDER = os.path.dirname(os.path.abspath(__file__))
PAIRS = [
    ("the mill", "a millrace drives the mill"),
    ("the mill", "tea"),
    ("what does a race drive?", "the water drives the wheel, and the wheel the mill"),
    ("Mill", "MILL"),
    ("tea", ""),
]


def word_pieces():
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "a", "mill", "race", "##race", "##s", "drive",
             "water", "wheel", "and", "what", "does", "tea", ",", "?", "##d"]
    tokenizer = Tokenizer(models.WordPiece({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    return tokenizer


def byte_pairs():
    pieces = ["<s>", "<pad>", "</s>", "<unk>"] + sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("t", "h"), ("th", "e"), ("m", "i"), ("mi", "l"), ("mil", "l"), ("Ġ", "the")]
    pieces += [a + b for a, b in merges]
    tokenizer = Tokenizer(models.BPE({p: i for i, p in enumerate(pieces)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0),
                                                            add_prefix_space=False)
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    return tokenizer


def write(name, model, tokenizer):
    folder = os.path.join(FOLDER, name)
    for parameter_name, parameter in model.named_parameters():  # larger than usual: scores differ
        about = 1 if "LayerNorm.weight" in parameter_name else 0
        parameter.data = (about + torch.randn_like(parameter) * 0.5).half().float()
    model.eval()
    golden = []
    for query, document in PAIRS:
        encoded = tokenizer.encode(query, document)
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([encoded.ids]),
                           token_type_ids=torch.tensor([encoded.type_ids])).logits
        golden.append({"query": query, "document": document, "tokens": encoded.ids,
                       "types": encoded.type_ids, "logit": logits[0, 0].item()})
    model.half().save_pretrained(folder)
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    with open(os.path.join(folder, "golden.json"), "w") as file:
        json.dump(golden, file, indent=1)


torch.manual_seed(6)
sizes = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, num_labels=1)
write("bert", BertForSequenceClassification(BertConfig(
    vocab_size=20, max_position_embeddings=32, **sizes)), word_pieces())
write("roberta", RobertaForSequenceClassification(RobertaConfig(
    vocab_size=266, max_position_embeddings=130, type_vocab_size=1, pad_token_id=1, bos_token_id=0,
    eos_token_id=2, layer_norm_eps=1e-5, **sizes)), byte_pairs())
