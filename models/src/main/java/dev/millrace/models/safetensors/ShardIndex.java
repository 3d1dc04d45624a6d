package dev.millrace.models.safetensors;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/**
 * Which shard has which tensor: {@code model.safetensors.index.json}.
 *
 * @param shards by the name of the tensor; plain file names, in the folder of the index
 */
record ShardIndex(Map<String, String> shards) {

    static final String FILE_NAME = "model.safetensors.index.json";
    static final int MOST_BYTES = 100_000_000;
    static final int MOST_SHARDS = 1 << 12;
    static final int MOST_TENSORS = 1 << 20;

    /** No separators, no drive, no leading dot: a name that cannot leave its folder. */
    private static final Pattern PLAIN_NAME = Pattern
            .compile("[A-Za-z0-9_][A-Za-z0-9_.+=@,-]{0,250}\\.safetensors");

    /** @throws SafetensorsException if the index is not sound, or names a file elsewhere */
    static ShardIndex read(Path path) {
        try {
            long bytes = Files.size(path);
            if (bytes > MOST_BYTES) {
                throw new SafetensorsException(path + " has " + bytes + " bytes; an index may have "
                        + MOST_BYTES);
            }
            return parse(Files.readAllBytes(path), path.toString());
        } catch (IOException e) {
            throw new SafetensorsException("cannot read " + path + ": " + e.getMessage(), e);
        }
    }

    private static ShardIndex parse(byte[] json, String source) {
        Map<String, String> shards = null;
        try (JsonParser parser = StrictJson.parser(json)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw refuse(source, "it is not a JSON object");
            }
            while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
                String key = parser.currentName();
                parser.nextToken();
                if (key.equals("weight_map")) {
                    shards = readMap(parser, source);
                } else {
                    parser.skipChildren();
                }
            }
        } catch (JacksonException e) {
            throw new SafetensorsException(source + " is not a sound index: "
                    + e.getOriginalMessage(), e);
        }
        if (shards == null || shards.isEmpty()) {
            throw refuse(source, "it has no weight_map that says which file has which tensor");
        }
        return new ShardIndex(shards);
    }

    private static Map<String, String> readMap(JsonParser parser, String source) {
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            throw refuse(source, "its weight_map is not an object");
        }
        Map<String, String> shards = new LinkedHashMap<>();
        Map<String, String> names = new LinkedHashMap<>();
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
            String tensor = parser.currentName();
            if (parser.nextToken() != JsonToken.VALUE_STRING) {
                throw refuse(source, "the file of tensor " + Quoted.text(tensor)
                        + " is not a string");
            }
            String shard = parser.getString();
            if (!PLAIN_NAME.matcher(shard).matches()) {
                throw refuse(source, "it places tensor " + Quoted.text(tensor) + " in "
                        + Quoted.text(shard)
                        + ", which is not the plain name of a .safetensors file beside it");
            }
            // One string per shard, not one per tensor.
            shards.put(tensor, names.computeIfAbsent(shard, name -> name));
            if (shards.size() > MOST_TENSORS || names.size() > MOST_SHARDS) {
                throw refuse(source, "it names more than " + MOST_TENSORS + " tensors or "
                        + MOST_SHARDS + " files");
            }
        }
        return shards;
    }

    /** The files, each once, in the order of the index. */
    Set<String> fileNames() {
        return new LinkedHashSet<>(shards.values());
    }

    private static SafetensorsException refuse(String source, String problem) {
        return new SafetensorsException(source + " is not a sound index: " + problem);
    }
}
