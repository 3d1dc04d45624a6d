package dev.millrace.bench.tidy;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

/** Who may know whom: the arrows of docs/ARCHITECTURE.md, checked on the compiled classes. */
@AnalyzeClasses(packages = "dev.millrace", importOptions = {
    ImportOption.DoNotIncludeTests.class, HouseArrowsTest.WithoutTestJars.class})
class HouseArrowsTest {

    /** A module's tests are a jar for the modules above it, once it is packaged. */
    static final class WithoutTestJars implements ImportOption {
        @Override
        public boolean includes(Location location) {
            return !location.contains("-tests.jar");
        }
    }

    private static final String KERNELS = "dev.millrace.kernels..";
    private static final String MODELS = "dev.millrace.models..";
    private static final String ENGINE = "dev.millrace.engine..";
    private static final String SERVER = "dev.millrace.server..";
    private static final String BENCH = "dev.millrace.bench..";

    @ArchTest
    static final ArchRule kernelsHaveNeverHeardOfAToken = noClasses().that()
            .resideInAPackage(KERNELS)
            .should().dependOnClassesThat().resideInAnyPackage(MODELS, ENGINE, SERVER, BENCH);

    @ArchTest
    static final ArchRule modelsComputeNothing = noClasses().that().resideInAPackage(MODELS)
            .should().dependOnClassesThat()
            .resideInAnyPackage(ENGINE, SERVER, BENCH, "dev.millrace.kernels.cpu..");

    @ArchTest
    static final ArchRule theEngineKnowsNeitherHttpNorMoney = noClasses().that()
            .resideInAPackage(ENGINE).should().dependOnClassesThat().resideInAnyPackage(SERVER,
                    BENCH,
                    "io.javalin..", "jakarta.servlet..", "java.sql..", "java.net.http..");

    @ArchTest
    static final ArchRule theServerDoesNotLookUp = noClasses().that().resideInAPackage(SERVER)
            .should().dependOnClassesThat().resideInAPackage(BENCH);

    @ArchTest
    static final ArchRule onlyTheCpuKernelsTouchTheVectorApi = noClasses().that()
            .resideOutsideOfPackage("dev.millrace.kernels.cpu..").should().dependOnClassesThat()
            .resideInAPackage("jdk.incubator.vector..");

    @ArchTest
    static final ArchRule onlyTheCudaKernelsAndTheBaselinesTouchNativePresets = noClasses().that()
            .resideOutsideOfPackages("dev.millrace.kernels.cuda..",
                    "dev.millrace.bench.baseline..")
            .should().dependOnClassesThat()
            .resideInAnyPackage("org.bytedeco..", "org.nd4j..");

    @ArchTest
    static final ArchRule theMeterKnowsNoHttp = noClasses().that()
            .resideInAPackage("dev.millrace.server.metering..").should().dependOnClassesThat()
            .resideInAnyPackage("io.javalin..", "jakarta.servlet..", "org.eclipse.jetty..");

    @ArchTest
    static final ArchRule jobsKnowNotHowTheyWereRead = noClasses().that()
            .resideInAPackage("dev.millrace.server.openai.completion").should()
            .dependOnClassesThat().resideInAnyPackage("dev.millrace.server.openai",
                    "dev.millrace.server.openai.request");

    @ArchTest
    static final ArchRule theWireKnowsNoJob = noClasses().that()
            .resideInAPackage("dev.millrace.server.openai.wire").should().dependOnClassesThat()
            .resideInAnyPackage("dev.millrace.server.openai",
                    "dev.millrace.server.openai.model", "dev.millrace.server.openai.completion",
                    "dev.millrace.server.openai.request");

    @ArchTest
    static final ArchRule theSchedulerKnowsNoDevice = noClasses().that()
            .resideInAPackage("dev.millrace.engine").should().dependOnClassesThat()
            .resideInAnyPackage(KERNELS, "dev.millrace.engine.cpu..");

    @ArchTest
    static final ArchRule textKnowsNoFiles = noClasses().that()
            .resideInAPackage("dev.millrace.models.text..").should().dependOnClassesThat()
            .resideInAnyPackage("dev.millrace.models.gguf..", "dev.millrace.models.template..",
                    "dev.millrace.models.store..");

    @ArchTest
    static final ArchRule filesKnowNoText = noClasses().that()
            .resideInAnyPackage("dev.millrace.models.gguf..", "dev.millrace.models.store..")
            .should().dependOnClassesThat()
            .resideInAnyPackage("dev.millrace.models.text..", "dev.millrace.models.template..");

    /** A bare runtime exception tells nobody what went wrong; only named ones extend it. */
    @ArchTest
    static final ArchRule exceptionsHaveNames = noClasses()
            .that(not(assignableTo(RuntimeException.class))).should()
            .callConstructor(RuntimeException.class, String.class).orShould()
            .callConstructor(RuntimeException.class, Throwable.class).orShould()
            .callConstructor(RuntimeException.class, String.class, Throwable.class);
}
