package dev.millrace.server.metering;

import java.math.BigDecimal;

/**
 * A machine whose costs are assumed where nobody has said what the real one costs; everything
 * priced with it is marked as assumed.
 *
 * @param name  what kind of machine
 * @param asOf  when the numbers were chosen, ISO date
 * @param basis where the numbers come from, for people
 * @param cost  the numbers
 */
public record MachineProfile(String name, String asOf, String basis, CostConfig cost) {

    /** What is used where millrace.yaml has no {@code cost:} section; see docs/cost.md. */
    public static final MachineProfile DEFAULT = new MachineProfile("small workstation",
            "2026-11-21",
            "3,000 USD over 5 years with a tenth left, 60 W idle and 200 W busy half of the time,"
                    + " 0.15 USD/kWh, at home (PUE 1, no hosting)",
            new CostConfig(null, new BigDecimal("3000"), new BigDecimal("300"),
                    new BigDecimal("5"), new BigDecimal("60"), new BigDecimal("200"),
                    new BigDecimal("0.5"), new BigDecimal("0.15"), BigDecimal.ONE,
                    BigDecimal.ZERO));
}
