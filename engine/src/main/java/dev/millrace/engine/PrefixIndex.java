package dev.millrace.engine;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Finds cached blocks by the tokens before and in them.
 *
 * <p>A tree with one node per full block of tokens; a path from a root spells a prefix. Children
 * are found by hash but compared token by token, so a collision can never hand out someone else's
 * cache. Roots are apart by adapter and cache salt. Nodes live as long as they, or any after them,
 * have a block, so the tree is bounded by the blocks that exist and the length of the context.
 */
final class PrefixIndex {

    private static final int NONE = -1;

    private final int blockTokens;
    private final Map<Root, Node> roots = new HashMap<>();
    private final KnownPrefixes known;
    private final Node[][] holders; // (groups, blocks): the node whose contents a block holds

    PrefixIndex(int blockTokens, int[] blocksOfGroup) {
        this.blockTokens = blockTokens;
        known = new KnownPrefixes(blockTokens);
        holders = new Node[blocksOfGroup.length][];
        for (int group = 0; group < holders.length; group++) {
            holders[group] = new Node[blocksOfGroup[group]];
        }
    }

    /** What else must be equal for a cache to be shared. */
    private record Root(int adapterSlot, String cacheSalt) {}

    /** One block's tokens with their hash. */
    private static final class Key {

        private final int[] tokens;
        private final int hash;

        Key(int[] tokens) {
            this.tokens = tokens;
            this.hash = Arrays.hashCode(tokens);
        }

        @Override
        public int hashCode() {
            return hash;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Key key && Arrays.equals(tokens, key.tokens);
        }
    }

    /** A prefix that ends with a full block. */
    private static final class Node {

        private final Map<?, Node> siblings;
        private final Object key;
        private final Node parent;
        private final long hash; // of all tokens up to its end
        private final Map<Key, Node> children = new HashMap<>();
        private final int[] blocks; // (groups); NONE where not cached
        private int cached;

        Node(Map<?, Node> siblings, Object key, Node parent, long hash, int groups) {
            this.siblings = siblings;
            this.key = key;
            this.parent = parent;
            this.hash = hash;
            blocks = new int[groups];
            Arrays.fill(blocks, NONE);
        }
    }

    /**
     * Looks up the blocks of a text's beginning.
     *
     * @param depth how many blocks to look for at most
     * @return per block as far as the prefix is known, per group the cached block, or -1
     */
    int[][] find(CachedText text, int depth) {
        Node node = roots.get(rootOf(text));
        int[][] path = new int[depth][];
        int found = 0;
        while (node != null && found < depth) {
            node = node.children.get(key(text, found));
            if (node != null) {
                path[found++] = node.blocks.clone();
            }
        }
        return Arrays.copyOf(path, found);
    }

    /** Enters the text's first blocks, where nobody has entered equal ones before. */
    void enter(CachedText text, int depth) {
        Root root = rootOf(text);
        Node node = roots.computeIfAbsent(root, key -> new Node(roots, key, null,
                KnownPrefixes.none(root.adapterSlot(), root.cacheSalt()), holders.length));
        for (int index = 0; index < depth; index++) {
            Node parent = node;
            node = parent.children.computeIfAbsent(key(text, index), key -> child(parent, key));
            for (int group = 0; group < holders.length; group++) {
                int block = text.blocks().block(group, index);
                if (block != NONE && node.blocks[group] == NONE) {
                    node.blocks[group] = block;
                    node.cached++;
                    holders[group][block] = node;
                }
            }
        }
        prune(node);
    }

    private Node child(Node parent, Key key) {
        long hash = known.after(parent.hash, key.tokens, 0);
        known.add(hash);
        return new Node(parent.children, key, parent, hash, holders.length);
    }

    /** What other threads may know of all this. */
    KnownPrefixes known() {
        return known;
    }

    /** Whether a block's contents can be found. */
    boolean holds(int group, int block) {
        return holders[group][block] != null;
    }

    /** Forgets what a block holds, if anything. */
    void forget(int group, int block) {
        Node node = holders[group][block];
        if (node == null) {
            return;
        }
        holders[group][block] = null;
        node.blocks[group] = NONE;
        node.cached--;
        prune(node);
    }

    private void prune(Node leaf) {
        Node node = leaf;
        while (node != null && node.cached == 0 && node.children.isEmpty()) {
            node.siblings.remove(node.key);
            known.remove(node.hash);
            node = node.parent;
        }
    }

    /** Whether nothing is cached. */
    boolean isEmpty() {
        return roots.isEmpty();
    }

    private Root rootOf(CachedText text) {
        return new Root(text.adapterSlot(), text.cacheSalt());
    }

    private Key key(CachedText text, int index) {
        return new Key(text.tokens(index * blockTokens, blockTokens));
    }
}
