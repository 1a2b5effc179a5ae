//! The comb for multiples of the base point G.

use super::field::Table;

/// The powers of two in an entry, and how far they are apart.
pub(super) const TEETH: usize = 5;
pub(super) const COLUMNS: usize = 52;

/// Entry i is 2^208 G, with 2^(52 t) G added where bit t of i is set and subtracted where it is
/// not, for t from 0 to 3: x and y.
#[rustfmt::skip]
pub(super) static COMB: Table<2, { 1 << (TEETH - 1) }> = [
    [
        [
            0x3700_debb, 0x1da0_be8b, 0x67a8_494c, 0x085e_c135,
            0x700f_6310, 0xdf34_9926, 0x8d99_e2f7, 0x0fd9_de72,
        ],
        [
            0xb1ce_6ea2, 0xd7dc_0dd9, 0x68ce_3053, 0x5094_3ff6,
            0x1475_1358, 0xa7f8_6eb0, 0x913e_5ff0, 0xadf8_24db,
        ],
    ],
    [
        [
            0xf05c_a43e, 0xbf2e_cb75, 0x6519_4825, 0x51e7_ae1a,
            0x19c3_29ca, 0xeeea_ed36, 0xdb49_650d, 0x86cb_6842,
        ],
        [
            0xbed8_40ee, 0x49a8_7ea7, 0x8419_0e55, 0x270b_499e,
            0xf52f_7c2a, 0x15fa_7ebc, 0x83c7_f590, 0x0aa2_8cd2,
        ],
    ],
    [
        [
            0x55f8_aef5, 0x5a45_3fa2, 0x0491_71c8, 0xe0c0_aed9,
            0xb79b_aa9c, 0x119e_89c7, 0xf545_2258, 0x40ff_e58e,
        ],
        [
            0x930d_2b7d, 0x9b76_119b, 0xfd51_0bfb, 0x7b68_7aa4,
            0x4494_f32f, 0x33a4_7387, 0x8ca8_7760, 0x29ea_c9c0,
        ],
    ],
    [
        [
            0x734a_73e4, 0x50e0_cf33, 0xaff6_d8ae, 0x5c2c_404a,
            0xed7f_49a0, 0x3a5f_af44, 0x8e3f_b03f, 0x8903_7f44,
        ],
        [
            0xf8d8_e484, 0xa00f_8a82, 0x1d06_ab17, 0x1fd6_900b,
            0x6954_005a, 0x63b6_e7eb, 0x0bab_3d19, 0x46d5_226d,
        ],
    ],
    [
        [
            0xe31b_0ee4, 0x1cec_00c0, 0x5075_1a7b, 0xfc05_66b5,
            0x5570_2c87, 0xcc75_15c0, 0x4cc0_347c, 0x92df_77c1,
        ],
        [
            0x4440_9c6f, 0x5089_95ce, 0x56d8_565c, 0x4cac_c1e2,
            0x0af6_588f, 0x51e8_5d2a, 0x999a_3a2d, 0x7432_89d5,
        ],
    ],
    [
        [
            0xc3fc_695e, 0x757f_0f16, 0xab88_cde4, 0x5934_3587,
            0x4f9e_b506, 0x0cca_05aa, 0x7641_6de6, 0x0278_4666,
        ],
        [
            0x0396_21ca, 0xce46_8652, 0x3421_e845, 0x6b4b_f630,
            0x9975_9ea2, 0x18f3_a284, 0x40bc_bf1b, 0x2ede_6ad7,
        ],
    ],
    [
        [
            0x1152_eb01, 0xb31a_d4e9, 0xfd4c_86e1, 0x2148_f275,
            0x6e5d_770c, 0xb761_4235, 0xdde5_409d, 0xebe1_aebf,
        ],
        [
            0x9dd5_bd7e, 0xea04_df74, 0x9124_acb4, 0x55cb_f5d1,
            0x0708_28aa, 0x3d8a_7db7, 0x1b47_f285, 0x72d4_e5d1,
        ],
    ],
    [
        [
            0x033a_bb7b, 0x2a9c_77c5, 0x5f1d_63c9, 0x61a9_7774,
            0x8ccd_54ea, 0x0271_5025, 0x3681_f1bf, 0xf68d_0115,
        ],
        [
            0xdce2_cfa4, 0xf145_c823, 0x22d7_a28d, 0xb505_015d,
            0xe5fe_dc55, 0x6a7a_fc66, 0x0f3b_0305, 0xef01_b197,
        ],
    ],
    [
        [
            0x3a71_8c5c, 0x927b_57b8, 0xc2e5_1a9a, 0x2512_66f1,
            0x55b0_b9bd, 0x6ead_7916, 0x4058_fa8b, 0xc1ab_01a3,
        ],
        [
            0x83af_6514, 0xda6f_3964, 0x9b2f_2fdb, 0xb3ce_98cb,
            0x302c_566e, 0x8910_c9c4, 0x691b_5536, 0x7a62_24fc,
        ],
    ],
    [
        [
            0xf57c_dd12, 0xc3b8_3ea7, 0xf61e_46ec, 0xbd9a_7e4e,
            0x65f4_4d59, 0x20f5_c87d, 0xbe94_eea1, 0x336a_0302,
        ],
        [
            0xdb3e_0a57, 0xcac1_42de, 0xca4c_1689, 0xaed0_ca35,
            0x273e_91a0, 0xff4a_0e5c, 0x7b7a_c1d9, 0xcc19_daa4,
        ],
    ],
    [
        [
            0x268b_f16b, 0x2429_15c3, 0x8b79_70ef, 0x3c13_d194,
            0x87c9_a385, 0x6bef_8604, 0x8640_762d, 0x41a5_12e0,
        ],
        [
            0x651b_f858, 0xfcd6_bac1, 0x40ce_d484, 0x1763_0f32,
            0x9857_27b7, 0xc80c_a773, 0x3cee_12cc, 0x48a7_3d78,
        ],
    ],
    [
        [
            0x4430_520a, 0xceb8_a943, 0x7cc5_0396, 0xa5e7_205a,
            0x4f19_2b82, 0xc301_54dd, 0xd14b_7da5, 0x325e_b1dd,
        ],
        [
            0xf8c6_5dca, 0xfe9d_4274, 0xf9f2_1cdb, 0xbbe3_7226,
            0x6634_1917, 0x1aad_0685, 0x8f8e_f911, 0x3408_af88,
        ],
    ],
    [
        [
            0x2178_fb84, 0xfcee_3519, 0x34dd_feb3, 0xb976_9c3c,
            0x2198_bb35, 0xeb48_6d9a, 0xecd4_f098, 0x587c_5a5c,
        ],
        [
            0x866c_5e1d, 0x7d03_577d, 0x1adf_fcb9, 0xc621_a63d,
            0xd3bd_f8ee, 0x6a0b_b656, 0x205d_d861, 0x05e5_0f57,
        ],
    ],
    [
        [
            0x9ca3_1705, 0x0922_5217, 0x51b4_f14f, 0xbe6e_acbd,
            0x4616_0f74, 0x6506_cd33, 0xe8e3_d3da, 0xbd77_8d59,
        ],
        [
            0xdacc_f7f4, 0x1765_8e78, 0x72fa_d339, 0x5db8_fce9,
            0xf706_322a, 0xfd9d_f37d, 0x18ae_cb03, 0xa5d4_7764,
        ],
    ],
    [
        [
            0x3622_e6c1, 0x491a_cfa0, 0xdd6e_265b, 0xec32_19f4,
            0x1ec1_513a, 0x8441_a000, 0x0b39_69ee, 0x32ab_1157,
        ],
        [
            0x90b0_3e53, 0x7003_3904, 0xaea5_454f, 0x9d6e_21db,
            0xbb0e_6267, 0x98c5_5b8f, 0x5b6e_df30, 0x081b_053f,
        ],
    ],
    [
        [
            0x27ea_fcc0, 0xbe47_dd50, 0xec7e_66db, 0x23df_1041,
            0x78a4_dddd, 0x18c9_77ff, 0x9d2d_152e, 0xb515_65d7,
        ],
        [
            0x78f4_a4de, 0x24f6_a6d5, 0x7d86_b2ca, 0xbbc1_5b20,
            0x1d3b_43ca, 0xa064_d39c, 0x5220_0839, 0x5524_8667,
        ],
    ],
];
