package dev.millrace.server.tenants;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

import static org.assertj.core.api.Assertions.*;

class IdentityTest {

    private static ApiKey key(String team) {
        return new ApiKey("id", "name", team, Role.TENANT, 0, 0, Set.of(), 0, 0);
    }

    @Test
    void noSaltMakesATeamAnother() {
        Set<String> salts = new HashSet<>();
        List<String> wanted = List.of("", "b", "bc", "b\nc", "\n", "c");
        for (String team : List.of("a", "ab", "abc")) {
            for (String salt : wanted) {
                salts.add(Identity.of(key(team), Quota.UNLIMITED).cacheSalt(salt));
            }
        }

        assertThat(salts).hasSize(3 * wanted.size());
        assertThatIllegalArgumentException().isThrownBy(() -> key("a\nb"));
    }
}
