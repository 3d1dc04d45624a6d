package dev.millrace.server.metering.energy;

import dev.millrace.engine.LaneReading;
import dev.millrace.server.metering.EnergySource;
import dev.millrace.server.metering.rate.PowerCurve;
import dev.millrace.server.metering.rate.RateSchedule;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

import static org.assertj.core.api.Assertions.*;

class DeclaredPowerTest {

    private static final long SECOND = 1_000_000_000L;
    private static final String OWNED = "purchase_usd: 1000, lifetime_years: 4, usd_per_kwh: 0.1, ";

    private LaneReading lane = new LaneReading(0, 0, 0, 0);

    /** 60 W idle, 150 W half busy, 200 W busy. */
    @Test
    void betweenReadingsTheWattsOfTheLoadCount() {
        EnergySource source = DeclaredPower.unless(EnergySource.NONE, declared(
                "power_curve: [{load: 0, watts: 60}, {load: 0.5, watts: 150}, {load: 1,"
                        + " watts: 200}]"),
                () -> lane);
        assertThat(source.microjoules()).isZero();
        pass(0, 0, 10);
        assertThat(source.microjoules()).as("600 J").isEqualTo(600_000_000);
        pass(1, 1, 2); // half busy: 4 s of 150 W
        assertThat(source.microjoules()).as("and 600 J").isEqualTo(1_200_000_000);
        pass(1, 0, 3); // a quarter: 4 s of 105 W
        assertThat(source.microjoules()).as("and 420 J").isEqualTo(1_620_000_000);
        assertThat(source.description()).contains("declared, not measured", "60 W", "200 W");
    }

    @Test
    void twoWattsAreALineAndOneIsAllTheSame() {
        PowerCurve line = declared("idle_watts: 100, load_watts: 300").orElseThrow();
        PowerCurve flat = declared("watts: 250").orElseThrow();
        assertThat(line.watts(0.25)).isEqualTo(150);
        assertThat(flat.watts(0)).isEqualTo(250).isEqualTo(flat.watts(1));
    }

    @Test
    void countersGoBeforeWhatIsDeclaredAndNobodysWattsAreNone() {
        EnergySource counter = new EnergySource() {
            @Override
            public long microjoules() {
                return 7;
            }

            @Override
            public String description() {
                return "a counter";
            }
        };
        assertThat(DeclaredPower.unless(counter, declared("watts: 250"), () -> lane))
                .isSameAs(counter);
        assertThat(RateSchedule.declaredPower(null)).isEmpty();
        assertThat(DeclaredPower.unless(EnergySource.NONE, RateSchedule.declaredPower(null),
                () -> lane)).isSameAs(EnergySource.NONE);
        assertThat(RateSchedule.declaredPower(yaml("{usd_per_hour: 2}"))).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|',
            textBlock = """
                            power_curve: 5 | must be a list of 2 to 100 points
                    power_curve: [{load: 0, watts: 5}] | must be a list of 2 to 100 points
                    power_curve: [[0, 5], {load: 0.9, watts: 6}] | [0].load must be a number
                    power_curve: [{load: 0, watts: 5}, {load: 0.9, watts: 6}] | end at load 1
                    power_curve: [{load: 0.1, watts: 5}, {load: 1, watts: 6}] | begin at load 0
                    power_curve: [{load: 0, watts: .nan}, {load: 1, watts: 9}] | [0].watts must be
                    power_curve: [{load: 0, watts: -5}, {load: 1, watts: 5}] | [0].watts must be
                    power_curve: [{load: 0, watts: 5}, {load: 1, watts: 4}] | no fewer watts
                    power_curve: [{load: 0, watts: 5}, {load: 0, watts: 6}] | greater load
                    power_curve: [{load: 0, watt: 5}, {load: 1, watts: 6}] | [0].watt is not known
                    watts: 5, power_curve: [{load: 0, watts: 5}] | give one of them
                    """)
    void aCurveThatCannotBeIsRefusedByName(String yaml, String message) {
        assertThatIllegalArgumentException().isThrownBy(() -> declared(yaml))
                .withMessageContaining(message);
    }

    private void pass(long step, long overhead, long idle) {
        lane = new LaneReading(lane.elapsedNanos() + (step + overhead + idle) * SECOND,
                lane.stepNanos() + step * SECOND, lane.overheadNanos() + overhead * SECOND,
                lane.idleNanos() + idle * SECOND);
    }

    private static Optional<PowerCurve> declared(String watts) {
        return RateSchedule.declaredPower(yaml("{" + OWNED + watts + "}"));
    }

    private static JsonNode yaml(String text) {
        return new YAMLMapper().readTree(text);
    }
}
