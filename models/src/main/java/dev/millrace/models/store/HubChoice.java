package dev.millrace.models.store;

import java.util.List;

/**
 * The files of a repository that make one model.
 *
 * @param files  of one GGUF file, all parts of a split one in order, or a checkpoint's
 * @param folder whether the files are a checkpoint: weights, configuration and tokenizer, kept
 *               together in a folder under their own paths
 */
record HubChoice(List<HubFile> files, boolean folder) {

    HubChoice {
        files = List.copyOf(files);
    }

    long bytes() {
        return files.stream().mapToLong(HubFile::bytes).sum();
    }
}
