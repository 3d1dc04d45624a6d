package dev.millrace.models.store;

import dev.millrace.models.ModelException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Chooses what belongs to a checkpoint in safetensors files; never anything pickled. */
final class CheckpointChoice {

    static final String INDEX = "model.safetensors.index.json";

    private static final String SINGLE_FILE = "model.safetensors";
    private static final String SUFFIX = ".safetensors";
    private static final String CONFIGURATION = "config.json";
    private static final String ADAPTER = "adapter_config.json";
    private static final int MAX_SHARDS = 4096;

    /** What stands beside the weights: sizes, tokenizer, template, pooling. */
    private static final List<String> COMPANIONS = List.of(CONFIGURATION, "generation_config.json",
            "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json",
            "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "tekken.json",
            "chat_template.jinja", "chat_template.json", "quantize_config.json", "modules.json",
            "sentence_bert_config.json", "1_Pooling/config.json", "README.md");

    private static final Pattern PICKLED = Pattern.compile(
            "(?i).*\\.(bin|pt|pth|ckpt|pkl|pickle|th)");

    private final HubListing listing;

    /** Reads a small file of the repository. */
    interface Reader {
        byte[] read(HubFile file) throws InterruptedException;
    }

    CheckpointChoice(HubListing listing) {
        this.listing = listing;
    }

    /**
     * The checkpoint at the top of the repository.
     *
     * @throws ModelException if there is none; says what there is instead
     */
    HubChoice choose(Reader reader) throws InterruptedException {
        List<HubFile> weights = weights(reader);
        if (weights.isEmpty()) {
            throw nothing();
        }
        if (listing.find(CONFIGURATION).isEmpty()) {
            throw new ModelException(listing.repository() + (listing.find(ADAPTER).isPresent()
                    ? " is an adapter (LoRA), not a model; pull the model that it was made for"
                    : " has weights but no " + CONFIGURATION + " that says what they compute"));
        }
        List<HubFile> files = new ArrayList<>();
        COMPANIONS.forEach(name -> listing.find(name).ifPresent(files::add));
        files.addAll(weights);
        return new HubChoice(files, true);
    }

    /** As the reader of checkpoints looks for them: one file, an index, or the only file. */
    private List<HubFile> weights(Reader reader) throws InterruptedException {
        if (listing.find(SINGLE_FILE).isPresent()) {
            return List.of(listing.find(SINGLE_FILE).get());
        }
        if (listing.find(INDEX).isPresent()) {
            List<HubFile> files = new ArrayList<>(List.of(listing.find(INDEX).get()));
            for (String shard : shards(reader.read(files.getFirst()))) {
                files.add(listing.find(shard).filter(file -> file.folder().isEmpty())
                        .orElseThrow(() -> new ModelException(INDEX + " of " + listing.repository()
                                + " names the file " + Licence.cleaned(shard)
                                + ", which is not beside it; the repository is incomplete")));
            }
            return files;
        }
        List<HubFile> files = listing.files().stream()
                .filter(file -> file.folder().isEmpty() && file.path().endsWith(SUFFIX)
                        && !file.path().startsWith("adapter_"))
                .toList();
        if (files.size() > 1) {
            throw new ModelException(listing.repository() + " has " + files.size()
                    + " safetensors files but no " + INDEX + " that says what belongs together");
        }
        return files;
    }

    private Set<String> shards(byte[] index) {
        Set<String> shards = new LinkedHashSet<>();
        try {
            JsonNode map = JsonMapper.shared().readTree(new String(index, StandardCharsets.UTF_8))
                    .path("weight_map");
            map.forEach(shard -> shards.add(shard.asString("")));
        } catch (JacksonException e) {
            throw new ModelException(INDEX + " of " + listing.repository() + " is not JSON", e);
        }
        if (shards.isEmpty() || shards.size() > MAX_SHARDS
                || !shards.stream().allMatch(shard -> shard.endsWith(SUFFIX))) {
            throw new ModelException(INDEX + " of " + listing.repository() + " names "
                    + shards.size() + " files; it must name between 1 and " + MAX_SHARDS
                    + " safetensors files");
        }
        return shards;
    }

    private ModelException nothing() {
        List<String> pickled = listing.files().stream().map(HubFile::path)
                .filter(path -> PICKLED.matcher(path).matches()).toList();
        if (!pickled.isEmpty()) {
            return new ModelException(listing.repository() + " has only pickled weights ("
                    + pickled.getFirst() + "), which can run any program when they are read, so"
                    + " they are not pulled; look for a repository with GGUF or safetensors files"
                    + " of this model");
        }
        if (listing.find(ADAPTER).isPresent()) {
            return new ModelException(listing.repository()
                    + " is an adapter (LoRA), not a model; pull the model that it was made for");
        }
        return new ModelException(listing.repository()
                + " has neither GGUF nor safetensors files at its top; it has " + shown(listing));
    }

    /** The first files of a repository, for messages. */
    static String shown(HubListing listing) {
        int most = 12;
        List<String> paths = listing.files().stream().map(HubFile::path).toList();
        return paths.isEmpty()
                ? "no files"
                : String.join(", ", paths.subList(0, Math.min(most, paths.size())))
                        + (paths.size() > most ? " and " + (paths.size() - most) + " more" : "");
    }

    /** Whether a file is one that only Python's unpickler reads. */
    static boolean isPickled(HubFile file) {
        return PICKLED.matcher(file.path()).matches();
    }
}
