package dev.millrace.models.store;

import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class CatalogTest {

    @Test
    void everyEntryHasASourceALicenceThatIsKnownAndAHashOrACommit() {
        assertThat(Catalog.bundled().entries()).hasSizeGreaterThan(10).allSatisfy(entry -> {
            assertThat(entry.name()).matches("[a-z0-9][a-z0-9.-]*");
            assertThat(Licence.of(entry.licence()).toString()).doesNotContain("does not know");
            assertThat(entry.sources()).isNotEmpty().allSatisfy(source -> {
                // The hub tells hashes itself; nobody else may send whatever he likes.
                boolean hub = ModelReference.parse(source) instanceof HubModel;
                assertThat(hub || entry.sha256().isPresent()).as(source).isTrue();
            });
        });
    }
}
