package dev.millrace.models.store;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.json.JsonMapper;

/** The models that this version knows by name. */
public final class Catalog {

    private final Map<String, CatalogEntry> entries = new LinkedHashMap<>();

    Catalog(List<CatalogEntry> entries) {
        for (CatalogEntry entry : entries) {
            if (this.entries.put(entry.name(), entry) != null) {
                throw new IllegalStateException("the catalog has " + entry.name() + " twice");
            }
        }
    }

    /** The catalog that comes with this version. */
    static Catalog bundled() {
        try (InputStream json = Catalog.class.getResourceAsStream("catalog.json")) {
            return new Catalog(List.of(JsonMapper.shared().readValue(json, CatalogEntry[].class)));
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the bundled catalog", e);
        }
    }

    Optional<CatalogEntry> find(String name) {
        return Optional.ofNullable(entries.get(name));
    }

    Set<String> names() {
        return entries.keySet();
    }

    /** In the catalog's own order. */
    public List<CatalogEntry> entries() {
        return List.copyOf(entries.values());
    }
}
