package dev.millrace.kernels.cuda;

import dev.millrace.kernels.GateFunction;
import dev.millrace.kernels.KvFormat;
import dev.millrace.kernels.QuantFormat;
import java.util.List;

/**
 * A process in which every kernel runs once on a checking build of the emulator, or one of its
 * faulty kernels does. Ends with status 0 if nothing was found; else the emulator or a sanitizer
 * has ended it before, with a report.
 */
final class CheckedKernels {

    private CheckedKernels() {}

    /** @param arguments the name of a faulty kernel; none for all those of the product */
    public static void main(String[] arguments) {
        if (arguments.length == 0) {
            OnEmulatedDevice.openDevice();
            multiply();
            library();
            rows();
            attend();
            experts();
            surveys();
            shards();
            adapters();
            OnEmulatedDevice.closeDevice();
        } else {
            plant(arguments[0]);
        }
    }

    /** One format for each of the device's, of which a wide one has minimums. */
    private static void multiply() {
        CudaMultiplyTest test = new CudaMultiplyTest();
        for (QuantFormat format : List.of(QuantFormat.F32, QuantFormat.F16, QuantFormat.Q8_0,
                QuantFormat.Q4_0, QuantFormat.Q4_K, QuantFormat.Q6_K, QuantFormat.Q2_K,
                QuantFormat.INT4_G128, QuantFormat.INT4_ZERO, QuantFormat.INT4_ZERO_G128,
                QuantFormat.INT8_CHANNEL)) {
            test.everyFormatMultipliesWhatItsWeightsAre(format);
            test.activationsOfOneHalfAreRoundedToThatAndNoFurther(format);
            test.aRowThatIsLookedUpIsWhatTheFileSays(format);
        }
        test.kernelsForManyTokensHaveTheBitsOfThoseForFew(QuantFormat.Q4_K,
                CudaActivations.F16X2, 37, 256);
        test.kernelsForManyTokensHaveTheBitsOfThoseForFew(QuantFormat.INT4_ZERO_G128,
                CudaActivations.F16, 70, 1152);
        test.blocksOfThreadsShareTheTilesOfAllMatrices(QuantFormat.Q4_0);
        test.activationsComeInTheOrderOfTheColumns(CudaActivations.F16X2);
    }

    private static void library() {
        LibraryProductsTest test = new LibraryProductsTest();
        for (QuantFormat format : List.of(QuantFormat.F32, QuantFormat.F16, QuantFormat.Q8_0,
                QuantFormat.Q4_0, QuantFormat.Q4_K, QuantFormat.Q6_K, QuantFormat.Q2_K)) {
            test.everyFormatMultipliesAsItsWeightsRoundedToHalves(format);
        }
    }

    private static void rows() {
        CudaRowsTest test = new CudaRowsTest();
        test.addsNormsAndPrepares(257);
        test.roundsToOneHalfAsTheDefinitionDoes();
        test.preparesTheRowsThatAreWanted();
        test.addsNormsAndPrepares(6004);
        test.gates(GateFunction.CLAMPED_SILU);
        test.finishesLogitsAndFindsTheFirstOfTheLargest(5000);
    }

    private static void attend() {
        CudaStoreTest.shapes().forEach(new CudaStoreTest()::normsRotatesAndStores);
        for (KvFormat format : KvFormat.values()) {
            new CudaAttentionTest()
                    .isWhatTheDefinitionSays(new CudaAttentionTest.Shape(format, 4, 2,
                            40, 60, 5, true, new int[][]{{126, 130}, {0, 19}}));
            new CudaAttentionTest().aHalfIsWhatTheDefinitionSaysOfHalves(format);
        }
    }

    private static void experts() {
        CudaExpertsTest test = new CudaExpertsTest();
        test.tokensGoToTheLargestLogits(9, 40, 3, false);
        test.expertsMultiplyTheirTokensAndAreAddedUp(12, 3, 2, true);
    }

    private static void surveys() {
        CudaSurveyTest test = new CudaSurveyTest();
        test.aSurveyTellsWhatIsThere(2500);
        test.editsHappenInTheirOrderAndAreUndone();
    }

    private static void shards() {
        ShardKernelsTest test = new ShardKernelsTest();
        test.partsOfABranchAreAddedInTheirOrder();
        test.headsAreNormedWithThoseOfAllDevices();
    }

    private static void adapters() {
        for (CudaActivations activations : CudaActivations.values()) {
            new CudaLoraTest().everyTokenGetsWhatItsOwnAdapterAdds(activations);
        }
    }

    private static void plant(String kernel) {
        int threads = 64;
        boolean counts = kernel.endsWith("Count") || kernel.endsWith("Sum");
        int blocks = counts || kernel.equals("plantedBlockRace") ? 2 : 1;
        try (CudaDevice device = EmulatedDriver.open();
                DeviceScope scope = new DeviceScope(device)) {
            long memory = scope.upload(counts
                    ? new float[threads + 2]
                    : DeviceScope.gaussians(threads, 1));
            device.function(kernel).begin().with(memory).with(threads).with(0)
                    .launch(blocks, 1, 1, counts ? threads / 2 : threads, threads * Float.BYTES);
            device.synchronize();
        }
    }
}
