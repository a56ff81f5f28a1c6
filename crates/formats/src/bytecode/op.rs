//! The opcodes of all versions in one list: which number each version gives to each operation.
//!
//! Facts from `Lib/opcode.py` (2.7 to 3.12) and `Include/opcode_ids.h` (3.13, 3.14) of CPython.

use super::version::Version;
use std::sync::LazyLock;

/// Declares [`Op`] from rows of name, variant and one number per version.
macro_rules! operations {
    ($($name:literal $variant:ident [$($number:tt)+])+) => {
        /// An operation of CPython's interpreter.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum Op {
            $(
                #[doc = concat!("`", $name, "`.")]
                $variant,
            )+
            /// A number that the version gives to no operation.
            Unknown(u8),
        }

        impl Op {
            /// The name that `dis` shows.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                    Self::Unknown(_) => "<unknown>",
                }
            }
        }

        /// Operations with their number in each version.
        const ROWS: &[(Op, [Option<u8>; 11])] =
            &[$((Op::$variant, [$(number!($number)),+]),)+];
    };
}

macro_rules! number {
    (-) => {
        None
    };
    ($number:literal) => {
        Some($number)
    };
}

operations! {
    // name                            variant                      2.7  3.5  3.6  3.7  3.8  3.9 3.10 3.11 3.12 3.13 3.14
    "ASYNC_GEN_WRAP"                    AsyncGenWrap[                     -    -    -    -    -    -    -   87    -    -    -]
    "BEFORE_ASYNC_WITH"                 BeforeAsyncWith[                  -   52   52   52   52   52   52   52   52    1    -]
    "BEFORE_WITH"                       BeforeWith[                       -    -    -    -    -    -    -   53   53    2    -]
    "BEGIN_FINALLY"                     BeginFinally[                     -    -    -    -   53    -    -    -    -    -    -]
    "BINARY_ADD"                        BinaryAdd[                       23   23   23   23   23   23   23    -    -    -    -]
    "BINARY_AND"                        BinaryAnd[                       64   64   64   64   64   64   64    -    -    -    -]
    "BINARY_DIVIDE"                     BinaryDivide[                    21    -    -    -    -    -    -    -    -    -    -]
    "BINARY_FLOOR_DIVIDE"               BinaryFloorDivide[               26   26   26   26   26   26   26    -    -    -    -]
    "BINARY_LSHIFT"                     BinaryLshift[                    62   62   62   62   62   62   62    -    -    -    -]
    "BINARY_MATRIX_MULTIPLY"            BinaryMatrixMultiply[             -   16   16   16   16   16   16    -    -    -    -]
    "BINARY_MODULO"                     BinaryModulo[                    22   22   22   22   22   22   22    -    -    -    -]
    "BINARY_MULTIPLY"                   BinaryMultiply[                  20   20   20   20   20   20   20    -    -    -    -]
    "BINARY_OP"                         BinaryOp[                         -    -    -    -    -    -    -  122  122   45   44]
    "BINARY_OR"                         BinaryOr[                        66   66   66   66   66   66   66    -    -    -    -]
    "BINARY_POWER"                      BinaryPower[                     19   19   19   19   19   19   19    -    -    -    -]
    "BINARY_RSHIFT"                     BinaryRshift[                    63   63   63   63   63   63   63    -    -    -    -]
    "BINARY_SLICE"                      BinarySlice[                      -    -    -    -    -    -    -    -   26    4    1]
    "BINARY_SUBSCR"                     BinarySubscr[                    25   25   25   25   25   25   25   25   25    5    -]
    "BINARY_SUBTRACT"                   BinarySubtract[                  24   24   24   24   24   24   24    -    -    -    -]
    "BINARY_TRUE_DIVIDE"                BinaryTrueDivide[                27   27   27   27   27   27   27    -    -    -    -]
    "BINARY_XOR"                        BinaryXor[                       65   65   65   65   65   65   65    -    -    -    -]
    "BREAK_LOOP"                        BreakLoop[                       80   80   80   80    -    -    -    -    -    -    -]
    "BUILD_CLASS"                       BuildClass[                      89    -    -    -    -    -    -    -    -    -    -]
    "BUILD_CONST_KEY_MAP"               BuildConstKeyMap[                 -    -  156  156  156  156  156  156  156   46    -]
    "BUILD_INTERPOLATION"               BuildInterpolation[               -    -    -    -    -    -    -    -    -    -   45]
    "BUILD_LIST"                        BuildList[                      103  103  103  103  103  103  103  103  103   47   46]
    "BUILD_LIST_UNPACK"                 BuildListUnpack[                  -  149  149  149  149    -    -    -    -    -    -]
    "BUILD_MAP"                         BuildMap[                       105  105  105  105  105  105  105  105  105   48   47]
    "BUILD_MAP_UNPACK"                  BuildMapUnpack[                   -  150  150  150  150    -    -    -    -    -    -]
    "BUILD_MAP_UNPACK_WITH_CALL"        BuildMapUnpackWithCall[           -  151  151  151  151    -    -    -    -    -    -]
    "BUILD_SET"                         BuildSet[                       104  104  104  104  104  104  104  104  104   49   48]
    "BUILD_SET_UNPACK"                  BuildSetUnpack[                   -  153  153  153  153    -    -    -    -    -    -]
    "BUILD_SLICE"                       BuildSlice[                     133  133  133  133  133  133  133  133  133   50   49]
    "BUILD_STRING"                      BuildString[                      -    -  157  157  157  157  157  157  157   51   50]
    "BUILD_TEMPLATE"                    BuildTemplate[                    -    -    -    -    -    -    -    -    -    -    2]
    "BUILD_TUPLE"                       BuildTuple[                     102  102  102  102  102  102  102  102  102   52   51]
    "BUILD_TUPLE_UNPACK"                BuildTupleUnpack[                 -  152  152  152  152    -    -    -    -    -    -]
    "BUILD_TUPLE_UNPACK_WITH_CALL"      BuildTupleUnpackWithCall[         -    -  158  158  158    -    -    -    -    -    -]
    "CACHE"                             Cache[                            -    -    -    -    -    -    -    0    0    0    0]
    "CALL"                              Call[                             -    -    -    -    -    -    -  171  171   53   52]
    "CALL_FINALLY"                      CallFinally[                      -    -    -    -  162    -    -    -    -    -    -]
    "CALL_FUNCTION"                     CallFunction[                   131  131  131  131  131  131  131    -    -    -    -]
    "CALL_FUNCTION_EX"                  CallFunctionEx[                   -    -  142  142  142  142  142  142  142   54    4]
    "CALL_FUNCTION_KW"                  CallFunctionKw[                 141  141  141  141  141  141  141    -    -    -    -]
    "CALL_FUNCTION_VAR"                 CallFunctionVar[                140  140    -    -    -    -    -    -    -    -    -]
    "CALL_FUNCTION_VAR_KW"              CallFunctionVarKw[              142  142    -    -    -    -    -    -    -    -    -]
    "CALL_INTRINSIC_1"                  CallIntrinsic1[                   -    -    -    -    -    -    -    -  173   55   53]
    "CALL_INTRINSIC_2"                  CallIntrinsic2[                   -    -    -    -    -    -    -    -  174   56   54]
    "CALL_KW"                           CallKw[                           -    -    -    -    -    -    -    -    -   57   55]
    "CALL_METHOD"                       CallMethod[                       -    -    -  161  161  161  161    -    -    -    -]
    "CHECK_EG_MATCH"                    CheckEgMatch[                     -    -    -    -    -    -    -   37   37    6    5]
    "CHECK_EXC_MATCH"                   CheckExcMatch[                    -    -    -    -    -    -    -   36   36    7    6]
    "CLEANUP_THROW"                     CleanupThrow[                     -    -    -    -    -    -    -    -   55    8    7]
    "COMPARE_OP"                        CompareOp[                      107  107  107  107  107  107  107  107  107   58   56]
    "CONTAINS_OP"                       ContainsOp[                       -    -    -    -    -  118  118  118  118   59   57]
    "CONTINUE_LOOP"                     ContinueLoop[                   119  119  119  119    -    -    -    -    -    -    -]
    "CONVERT_VALUE"                     ConvertValue[                     -    -    -    -    -    -    -    -    -   60   58]
    "COPY"                              Copy[                             -    -    -    -    -    -    -  120  120   61   59]
    "COPY_DICT_WITHOUT_KEYS"            CopyDictWithoutKeys[              -    -    -    -    -    -   34    -    -    -    -]
    "COPY_FREE_VARS"                    CopyFreeVars[                     -    -    -    -    -    -    -  149  149   62   60]
    "DELETE_ATTR"                       DeleteAttr[                      96   96   96   96   96   96   96   96   96   63   61]
    "DELETE_DEREF"                      DeleteDeref[                      -  138  138  138  138  138  138  139  139   64   62]
    "DELETE_FAST"                       DeleteFast[                     126  126  126  126  126  126  126  126  126   65   63]
    "DELETE_GLOBAL"                     DeleteGlobal[                    98   98   98   98   98   98   98   98   98   66   64]
    "DELETE_NAME"                       DeleteName[                      91   91   91   91   91   91   91   91   91   67   65]
    "DELETE_SLICE+0"                    DeleteSlice0[                    50    -    -    -    -    -    -    -    -    -    -]
    "DELETE_SLICE+1"                    DeleteSlice1[                    51    -    -    -    -    -    -    -    -    -    -]
    "DELETE_SLICE+2"                    DeleteSlice2[                    52    -    -    -    -    -    -    -    -    -    -]
    "DELETE_SLICE+3"                    DeleteSlice3[                    53    -    -    -    -    -    -    -    -    -    -]
    "DELETE_SUBSCR"                     DeleteSubscr[                    61   61   61   61   61   61   61   61   61    9    8]
    "DICT_MERGE"                        DictMerge[                        -    -    -    -    -  164  164  164  164   68   66]
    "DICT_UPDATE"                       DictUpdate[                       -    -    -    -    -  165  165  165  165   69   67]
    "DUP_TOP"                           DupTop[                           4    4    4    4    4    4    4    -    -    -    -]
    "DUP_TOPX"                          DupTopx[                         99    -    -    -    -    -    -    -    -    -    -]
    "DUP_TOP_TWO"                       DupTopTwo[                        -    5    5    5    5    5    5    -    -    -    -]
    "END_ASYNC_FOR"                     EndAsyncFor[                      -    -    -    -   54   54   54   54   54   10   68]
    "END_FINALLY"                       EndFinally[                      88   88   88   88   88    -    -    -    -    -    -]
    "END_FOR"                           EndFor[                           -    -    -    -    -    -    -    -    4   11    9]
    "END_SEND"                          EndSend[                          -    -    -    -    -    -    -    -    5   12   10]
    "ENTER_EXECUTOR"                    EnterExecutor[                    -    -    -    -    -    -    -    -    -   70    -]
    "EXEC_STMT"                         ExecStmt[                        85    -    -    -    -    -    -    -    -    -    -]
    "EXIT_INIT_CHECK"                   ExitInitCheck[                    -    -    -    -    -    -    -    -    -   13   11]
    "EXTENDED_ARG"                      ExtendedArg[                    145  144  144  144  144  144  144  144  144   71   69]
    "FORMAT_SIMPLE"                     FormatSimple[                     -    -    -    -    -    -    -    -    -   14   12]
    "FORMAT_VALUE"                      FormatValue[                      -    -  155  155  155  155  155  155  155    -    -]
    "FORMAT_WITH_SPEC"                  FormatWithSpec[                   -    -    -    -    -    -    -    -    -   15   13]
    "FOR_ITER"                          ForIter[                         93   93   93   93   93   93   93   93   93   72   70]
    "GEN_START"                         GenStart[                         -    -    -    -    -    -  129    -    -    -    -]
    "GET_AITER"                         GetAiter[                         -   50   50   50   50   50   50   50   50   16   14]
    "GET_ANEXT"                         GetAnext[                         -   51   51   51   51   51   51   51   51   18   15]
    "GET_AWAITABLE"                     GetAwaitable[                     -   73   73   73   73   73   73  131  131   73   71]
    "GET_ITER"                          GetIter[                         68   68   68   68   68   68   68   68   68   19   16]
    "GET_LEN"                           GetLen[                           -    -    -    -    -    -   30   30   30   20   18]
    "GET_YIELD_FROM_ITER"               GetYieldFromIter[                 -   69   69   69   69   69   69   69   69   21   19]
    "IMPORT_FROM"                       ImportFrom[                     109  109  109  109  109  109  109  109  109   74   72]
    "IMPORT_NAME"                       ImportName[                     108  108  108  108  108  108  108  108  108   75   73]
    "IMPORT_STAR"                       ImportStar[                      84   84   84   84   84   84   84   84    -    -    -]
    "INPLACE_ADD"                       InplaceAdd[                      55   55   55   55   55   55   55    -    -    -    -]
    "INPLACE_AND"                       InplaceAnd[                      77   77   77   77   77   77   77    -    -    -    -]
    "INPLACE_DIVIDE"                    InplaceDivide[                   58    -    -    -    -    -    -    -    -    -    -]
    "INPLACE_FLOOR_DIVIDE"              InplaceFloorDivide[              28   28   28   28   28   28   28    -    -    -    -]
    "INPLACE_LSHIFT"                    InplaceLshift[                   75   75   75   75   75   75   75    -    -    -    -]
    "INPLACE_MATRIX_MULTIPLY"           InplaceMatrixMultiply[            -   17   17   17   17   17   17    -    -    -    -]
    "INPLACE_MODULO"                    InplaceModulo[                   59   59   59   59   59   59   59    -    -    -    -]
    "INPLACE_MULTIPLY"                  InplaceMultiply[                 57   57   57   57   57   57   57    -    -    -    -]
    "INPLACE_OR"                        InplaceOr[                       79   79   79   79   79   79   79    -    -    -    -]
    "INPLACE_POWER"                     InplacePower[                    67   67   67   67   67   67   67    -    -    -    -]
    "INPLACE_RSHIFT"                    InplaceRshift[                   76   76   76   76   76   76   76    -    -    -    -]
    "INPLACE_SUBTRACT"                  InplaceSubtract[                 56   56   56   56   56   56   56    -    -    -    -]
    "INPLACE_TRUE_DIVIDE"               InplaceTrueDivide[               29   29   29   29   29   29   29    -    -    -    -]
    "INPLACE_XOR"                       InplaceXor[                      78   78   78   78   78   78   78    -    -    -    -]
    "INTERPRETER_EXIT"                  InterpreterExit[                  -    -    -    -    -    -    -    -    3   22   20]
    "IS_OP"                             IsOp[                             -    -    -    -    -  117  117  117  117   76   74]
    "JUMP_ABSOLUTE"                     JumpAbsolute[                   113  113  113  113  113  113  113    -    -    -    -]
    "JUMP_BACKWARD"                     JumpBackward[                     -    -    -    -    -    -    -  140  140   77   75]
    "JUMP_BACKWARD_NO_INTERRUPT"        JumpBackwardNoInterrupt[          -    -    -    -    -    -    -  134  134   78   76]
    "JUMP_FORWARD"                      JumpForward[                    110  110  110  110  110  110  110  110  110   79   77]
    "JUMP_IF_FALSE_OR_POP"              JumpIfFalseOrPop[               111  111  111  111  111  111  111  111    -    -    -]
    "JUMP_IF_NOT_EXC_MATCH"             JumpIfNotExcMatch[                -    -    -    -    -  121  121    -    -    -    -]
    "JUMP_IF_TRUE_OR_POP"               JumpIfTrueOrPop[                112  112  112  112  112  112  112  112    -    -    -]
    "KW_NAMES"                          KwNames[                          -    -    -    -    -    -    -  172  172    -    -]
    "LIST_APPEND"                       ListAppend[                      94  145  145  145  145  145  145  145  145   80   78]
    "LIST_EXTEND"                       ListExtend[                       -    -    -    -    -  162  162  162  162   81   79]
    "LIST_TO_TUPLE"                     ListToTuple[                      -    -    -    -    -   82   82   82    -    -    -]
    "LOAD_ASSERTION_ERROR"              LoadAssertionError[               -    -    -    -    -   74   74   74   74   23    -]
    "LOAD_ATTR"                         LoadAttr[                       106  106  106  106  106  106  106  106  106   82   80]
    "LOAD_BUILD_CLASS"                  LoadBuildClass[                   -   71   71   71   71   71   71   71   71   24   21]
    "LOAD_CLASSDEREF"                   LoadClassderef[                   -  148  148  148  148  148  148  148    -    -    -]
    "LOAD_CLOSURE"                      LoadClosure[                    135  135  135  135  135  135  135  136  136    -    -]
    "LOAD_COMMON_CONSTANT"              LoadCommonConstant[               -    -    -    -    -    -    -    -    -    -   81]
    "LOAD_CONST"                        LoadConst[                      100  100  100  100  100  100  100  100  100   83   82]
    "LOAD_DEREF"                        LoadDeref[                      136  136  136  136  136  136  136  137  137   84   83]
    "LOAD_FAST"                         LoadFast[                       124  124  124  124  124  124  124  124  124   85   84]
    "LOAD_FAST_AND_CLEAR"               LoadFastAndClear[                 -    -    -    -    -    -    -    -  143   86   85]
    "LOAD_FAST_BORROW"                  LoadFastBorrow[                   -    -    -    -    -    -    -    -    -    -   86]
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW" LoadFastBorrowLoadFastBorrow[     -    -    -    -    -    -    -    -    -    -   87]
    "LOAD_FAST_CHECK"                   LoadFastCheck[                    -    -    -    -    -    -    -    -  127   87   88]
    "LOAD_FAST_LOAD_FAST"               LoadFastLoadFast[                 -    -    -    -    -    -    -    -    -   88   89]
    "LOAD_FROM_DICT_OR_DEREF"           LoadFromDictOrDeref[              -    -    -    -    -    -    -    -  176   89   90]
    "LOAD_FROM_DICT_OR_GLOBALS"         LoadFromDictOrGlobals[            -    -    -    -    -    -    -    -  175   90   91]
    "LOAD_GLOBAL"                       LoadGlobal[                     116  116  116  116  116  116  116  116  116   91   92]
    "LOAD_LOCALS"                       LoadLocals[                      82    -    -    -    -    -    -    -   87   25   22]
    "LOAD_METHOD"                       LoadMethod[                       -    -    -  160  160  160  160  160    -    -    -]
    "LOAD_NAME"                         LoadName[                       101  101  101  101  101  101  101  101  101   92   93]
    "LOAD_SMALL_INT"                    LoadSmallInt[                     -    -    -    -    -    -    -    -    -    -   94]
    "LOAD_SPECIAL"                      LoadSpecial[                      -    -    -    -    -    -    -    -    -    -   95]
    "LOAD_SUPER_ATTR"                   LoadSuperAttr[                    -    -    -    -    -    -    -    -  141   93   96]
    "MAKE_CELL"                         MakeCell[                         -    -    -    -    -    -    -  135  135   94   97]
    "MAKE_CLOSURE"                      MakeClosure[                    134  134    -    -    -    -    -    -    -    -    -]
    "MAKE_FUNCTION"                     MakeFunction[                   132  132  132  132  132  132  132  132  132   26   23]
    "MAP_ADD"                           MapAdd[                         147  147  147  147  147  147  147  147  147   95   98]
    "MATCH_CLASS"                       MatchClass[                       -    -    -    -    -    -  152  152  152   96   99]
    "MATCH_KEYS"                        MatchKeys[                        -    -    -    -    -    -   33   33   33   27   24]
    "MATCH_MAPPING"                     MatchMapping[                     -    -    -    -    -    -   31   31   31   28   25]
    "MATCH_SEQUENCE"                    MatchSequence[                    -    -    -    -    -    -   32   32   32   29   26]
    "NOP"                               Nop[                              9    9    9    9    9    9    9    9    9   30   27]
    "NOT_TAKEN"                         NotTaken[                         -    -    -    -    -    -    -    -    -    -   28]
    "POP_BLOCK"                         PopBlock[                        87   87   87   87   87   87   87    -    -    -    -]
    "POP_EXCEPT"                        PopExcept[                        -   89   89   89   89   89   89   89   89   31   29]
    "POP_FINALLY"                       PopFinally[                       -    -    -    -  163    -    -    -    -    -    -]
    "POP_ITER"                          PopIter[                          -    -    -    -    -    -    -    -    -    -   30]
    "POP_JUMP_BACKWARD_IF_FALSE"        PopJumpBackwardIfFalse[           -    -    -    -    -    -    -  175    -    -    -]
    "POP_JUMP_BACKWARD_IF_NONE"         PopJumpBackwardIfNone[            -    -    -    -    -    -    -  174    -    -    -]
    "POP_JUMP_BACKWARD_IF_NOT_NONE"     PopJumpBackwardIfNotNone[         -    -    -    -    -    -    -  173    -    -    -]
    "POP_JUMP_BACKWARD_IF_TRUE"         PopJumpBackwardIfTrue[            -    -    -    -    -    -    -  176    -    -    -]
    "POP_JUMP_FORWARD_IF_FALSE"         PopJumpForwardIfFalse[            -    -    -    -    -    -    -  114    -    -    -]
    "POP_JUMP_FORWARD_IF_NONE"          PopJumpForwardIfNone[             -    -    -    -    -    -    -  129    -    -    -]
    "POP_JUMP_FORWARD_IF_NOT_NONE"      PopJumpForwardIfNotNone[          -    -    -    -    -    -    -  128    -    -    -]
    "POP_JUMP_FORWARD_IF_TRUE"          PopJumpForwardIfTrue[             -    -    -    -    -    -    -  115    -    -    -]
    "POP_JUMP_IF_FALSE"                 PopJumpIfFalse[                 114  114  114  114  114  114  114    -  114   97  100]
    "POP_JUMP_IF_NONE"                  PopJumpIfNone[                    -    -    -    -    -    -    -    -  129   98  101]
    "POP_JUMP_IF_NOT_NONE"              PopJumpIfNotNone[                 -    -    -    -    -    -    -    -  128   99  102]
    "POP_JUMP_IF_TRUE"                  PopJumpIfTrue[                  115  115  115  115  115  115  115    -  115  100  103]
    "POP_TOP"                           PopTop[                           1    1    1    1    1    1    1    1    1   32   31]
    "PRECALL"                           Precall[                          -    -    -    -    -    -    -  166    -    -    -]
    "PREP_RERAISE_STAR"                 PrepReraiseStar[                  -    -    -    -    -    -    -   88    -    -    -]
    "PRINT_EXPR"                        PrintExpr[                       70   70   70   70   70   70   70   70    -    -    -]
    "PRINT_ITEM"                        PrintItem[                       71    -    -    -    -    -    -    -    -    -    -]
    "PRINT_ITEM_TO"                     PrintItemTo[                     73    -    -    -    -    -    -    -    -    -    -]
    "PRINT_NEWLINE"                     PrintNewline[                    72    -    -    -    -    -    -    -    -    -    -]
    "PRINT_NEWLINE_TO"                  PrintNewlineTo[                  74    -    -    -    -    -    -    -    -    -    -]
    "PUSH_EXC_INFO"                     PushExcInfo[                      -    -    -    -    -    -    -   35   35   33   32]
    "PUSH_NULL"                         PushNull[                         -    -    -    -    -    -    -    2    2   34   33]
    "RAISE_VARARGS"                     RaiseVarargs[                   130  130  130  130  130  130  130  130  130  101  104]
    "RERAISE"                           Reraise[                          -    -    -    -    -   48  119  119  119  102  105]
    "RESUME"                            Resume[                           -    -    -    -    -    -    -  151  151  149  128]
    "RETURN_CONST"                      ReturnConst[                      -    -    -    -    -    -    -    -  121  103    -]
    "RETURN_GENERATOR"                  ReturnGenerator[                  -    -    -    -    -    -    -   75   75   35   34]
    "RETURN_VALUE"                      ReturnValue[                     83   83   83   83   83   83   83   83   83   36   35]
    "ROT_FOUR"                          RotFour[                          5    -    -    -    6    6    6    -    -    -    -]
    "ROT_N"                             RotN[                             -    -    -    -    -    -   99    -    -    -    -]
    "ROT_THREE"                         RotThree[                         3    3    3    3    3    3    3    -    -    -    -]
    "ROT_TWO"                           RotTwo[                           2    2    2    2    2    2    2    -    -    -    -]
    "SEND"                              Send[                             -    -    -    -    -    -    -  123  123  104  106]
    "SETUP_ANNOTATIONS"                 SetupAnnotations[                 -    -   85   85   85   85   85   85   85   37   36]
    "SETUP_ASYNC_WITH"                  SetupAsyncWith[                   -  154  154  154  154  154  154    -    -    -    -]
    "SETUP_EXCEPT"                      SetupExcept[                    121  121  121  121    -    -    -    -    -    -    -]
    "SETUP_FINALLY"                     SetupFinally[                   122  122  122  122  122  122  122    -    -    -    -]
    "SETUP_LOOP"                        SetupLoop[                      120  120  120  120    -    -    -    -    -    -    -]
    "SETUP_WITH"                        SetupWith[                      143  143  143  143  143  143  143    -    -    -    -]
    "SET_ADD"                           SetAdd[                         146  146  146  146  146  146  146  146  146  105  107]
    "SET_FUNCTION_ATTRIBUTE"            SetFunctionAttribute[             -    -    -    -    -    -    -    -    -  106  108]
    "SET_UPDATE"                        SetUpdate[                        -    -    -    -    -  163  163  163  163  107  109]
    "SLICE+0"                           Slice0[                          30    -    -    -    -    -    -    -    -    -    -]
    "SLICE+1"                           Slice1[                          31    -    -    -    -    -    -    -    -    -    -]
    "SLICE+2"                           Slice2[                          32    -    -    -    -    -    -    -    -    -    -]
    "SLICE+3"                           Slice3[                          33    -    -    -    -    -    -    -    -    -    -]
    "STOP_CODE"                         StopCode[                         0    -    -    -    -    -    -    -    -    -    -]
    "STORE_ANNOTATION"                  StoreAnnotation[                  -    -  127    -    -    -    -    -    -    -    -]
    "STORE_ATTR"                        StoreAttr[                       95   95   95   95   95   95   95   95   95  108  110]
    "STORE_DEREF"                       StoreDeref[                     137  137  137  137  137  137  137  138  138  109  111]
    "STORE_FAST"                        StoreFast[                      125  125  125  125  125  125  125  125  125  110  112]
    "STORE_FAST_LOAD_FAST"              StoreFastLoadFast[                -    -    -    -    -    -    -    -    -  111  113]
    "STORE_FAST_STORE_FAST"             StoreFastStoreFast[               -    -    -    -    -    -    -    -    -  112  114]
    "STORE_GLOBAL"                      StoreGlobal[                     97   97   97   97   97   97   97   97   97  113  115]
    "STORE_MAP"                         StoreMap[                        54    -    -    -    -    -    -    -    -    -    -]
    "STORE_NAME"                        StoreName[                       90   90   90   90   90   90   90   90   90  114  116]
    "STORE_SLICE"                       StoreSlice[                       -    -    -    -    -    -    -    -   27   38   37]
    "STORE_SLICE+0"                     StoreSlice0[                     40    -    -    -    -    -    -    -    -    -    -]
    "STORE_SLICE+1"                     StoreSlice1[                     41    -    -    -    -    -    -    -    -    -    -]
    "STORE_SLICE+2"                     StoreSlice2[                     42    -    -    -    -    -    -    -    -    -    -]
    "STORE_SLICE+3"                     StoreSlice3[                     43    -    -    -    -    -    -    -    -    -    -]
    "STORE_SUBSCR"                      StoreSubscr[                     60   60   60   60   60   60   60   60   60   39   38]
    "SWAP"                              Swap[                             -    -    -    -    -    -    -   99   99  115  117]
    "TO_BOOL"                           ToBool[                           -    -    -    -    -    -    -    -    -   40   39]
    "UNARY_CONVERT"                     UnaryConvert[                    13    -    -    -    -    -    -    -    -    -    -]
    "UNARY_INVERT"                      UnaryInvert[                     15   15   15   15   15   15   15   15   15   41   40]
    "UNARY_NEGATIVE"                    UnaryNegative[                   11   11   11   11   11   11   11   11   11   42   41]
    "UNARY_NOT"                         UnaryNot[                        12   12   12   12   12   12   12   12   12   43   42]
    "UNARY_POSITIVE"                    UnaryPositive[                   10   10   10   10   10   10   10   10    -    -    -]
    "UNPACK_EX"                         UnpackEx[                         -   94   94   94   94   94   94   94   94  116  118]
    "UNPACK_SEQUENCE"                   UnpackSequence[                  92   92   92   92   92   92   92   92   92  117  119]
    "WITH_CLEANUP"                      WithCleanup[                     81    -    -    -    -    -    -    -    -    -    -]
    "WITH_CLEANUP_FINISH"               WithCleanupFinish[                -   82   82   82   82    -    -    -    -    -    -]
    "WITH_CLEANUP_START"                WithCleanupStart[                 -   81   81   81   81    -    -    -    -    -    -]
    "WITH_EXCEPT_START"                 WithExceptStart[                  -    -    -    -    -   49   49   49   49   44   43]
    "YIELD_FROM"                        YieldFrom[                        -   72   72   72   72   72   72    -    -    -    -]
    "YIELD_VALUE"                       YieldValue[                      86   86   86   86   86   86   86   86  150  118  120]
}

/// Numbers in the code of a running interpreter, as ranges with the operation that they stand for:
/// specialised and instrumented forms. No compiler writes them, but a file can hold them, and
/// loaders from 3.11 on turn them back or run them.
type Forms = &'static [(u8, u8, Op)];

const FORMS_3_11: Forms = &[
    (3, 8, Op::BinaryOp),
    (13, 14, Op::BinaryOp),
    (16, 16, Op::BinaryOp),
    (17, 21, Op::BinarySubscr),
    (22, 24, Op::Call),
    (26, 29, Op::CompareOp),
    (34, 34, Op::ExtendedArg),
    (38, 38, Op::JumpBackward),
    (39, 43, Op::LoadAttr),
    (44, 44, Op::LoadConst),
    (45, 46, Op::LoadFast),
    (47, 48, Op::LoadGlobal),
    (55, 55, Op::LoadGlobal),
    (56, 59, Op::LoadMethod),
    (62, 63, Op::LoadMethod),
    (64, 67, Op::Precall),
    (72, 73, Op::Precall),
    (76, 81, Op::Precall),
    (113, 113, Op::Precall),
    (121, 121, Op::Precall),
    (127, 127, Op::Precall),
    (141, 141, Op::Precall),
    (143, 143, Op::Precall),
    (150, 150, Op::Resume),
    (153, 154, Op::StoreAttr),
    (158, 159, Op::StoreAttr),
    (161, 161, Op::StoreFast),
    (167, 167, Op::StoreFast),
    (168, 170, Op::StoreSubscr),
    (177, 180, Op::UnpackSequence),
];

const FORMS_3_12: Forms = &[
    (6, 8, Op::BinaryOp),
    (10, 10, Op::BinaryOp),
    (13, 14, Op::BinaryOp),
    (16, 16, Op::BinaryOp),
    (18, 18, Op::BinaryOp),
    (19, 22, Op::BinarySubscr),
    (23, 24, Op::Call),
    (28, 29, Op::Call),
    (34, 34, Op::Call),
    (38, 48, Op::Call),
    (56, 56, Op::Call),
    (57, 59, Op::CompareOp),
    (62, 65, Op::ForIter),
    (66, 67, Op::LoadSuperAttr),
    (70, 70, Op::LoadAttr),
    (72, 73, Op::LoadAttr),
    (76, 82, Op::LoadAttr),
    (84, 84, Op::LoadConst),
    (86, 86, Op::LoadFast),
    (88, 88, Op::LoadFast),
    (111, 112, Op::LoadGlobal),
    (113, 113, Op::StoreAttr),
    (148, 148, Op::StoreAttr),
    (153, 153, Op::StoreAttr),
    (154, 154, Op::StoreFast),
    (158, 158, Op::StoreFast),
    (159, 160, Op::StoreSubscr),
    (161, 161, Op::UnpackSequence),
    (166, 167, Op::UnpackSequence),
    (168, 168, Op::Send),
    (237, 237, Op::LoadSuperAttr),
    (238, 238, Op::PopJumpIfNone),
    (239, 239, Op::PopJumpIfNotNone),
    (240, 240, Op::Resume),
    (241, 241, Op::Call),
    (242, 242, Op::ReturnValue),
    (243, 243, Op::YieldValue),
    (244, 244, Op::CallFunctionEx),
    (245, 245, Op::JumpForward),
    (246, 246, Op::JumpBackward),
    (247, 247, Op::ReturnConst),
    (248, 248, Op::ForIter),
    (249, 249, Op::PopJumpIfFalse),
    (250, 250, Op::PopJumpIfTrue),
    (251, 251, Op::EndFor),
    (252, 252, Op::EndSend),
];

const FORMS_3_13: Forms = &[
    (3, 3, Op::BinaryOp),
    (150, 156, Op::BinaryOp),
    (157, 161, Op::BinarySubscr),
    (162, 181, Op::Call),
    (182, 184, Op::CompareOp),
    (185, 186, Op::ContainsOp),
    (187, 190, Op::ForIter),
    (191, 202, Op::LoadAttr),
    (203, 204, Op::LoadGlobal),
    (205, 206, Op::LoadSuperAttr),
    (207, 207, Op::Resume),
    (208, 208, Op::Send),
    (209, 211, Op::StoreAttr),
    (212, 213, Op::StoreSubscr),
    (214, 219, Op::ToBool),
    (220, 222, Op::UnpackSequence),
    (236, 236, Op::Resume),
    (237, 237, Op::EndFor),
    (238, 238, Op::EndSend),
    (239, 239, Op::ReturnValue),
    (240, 240, Op::ReturnConst),
    (241, 241, Op::YieldValue),
    (242, 242, Op::LoadSuperAttr),
    (243, 243, Op::ForIter),
    (244, 244, Op::Call),
    (245, 245, Op::CallKw),
    (246, 246, Op::CallFunctionEx),
    (248, 248, Op::JumpForward),
    (249, 249, Op::JumpBackward),
    (250, 250, Op::PopJumpIfTrue),
    (251, 251, Op::PopJumpIfFalse),
    (252, 252, Op::PopJumpIfNone),
    (253, 253, Op::PopJumpIfNotNone),
];

const FORMS_3_14: Forms = &[
    (3, 3, Op::BinaryOp),
    (129, 142, Op::BinaryOp),
    (143, 150, Op::Call),
    (151, 153, Op::CallKw),
    (154, 165, Op::Call),
    (166, 168, Op::CompareOp),
    (169, 170, Op::ContainsOp),
    (171, 174, Op::ForIter),
    (175, 176, Op::JumpBackward),
    (177, 189, Op::LoadAttr),
    (190, 191, Op::LoadConst),
    (192, 193, Op::LoadGlobal),
    (194, 195, Op::LoadSuperAttr),
    (196, 196, Op::Resume),
    (197, 197, Op::Send),
    (198, 200, Op::StoreAttr),
    (201, 202, Op::StoreSubscr),
    (203, 208, Op::ToBool),
    (209, 211, Op::UnpackSequence),
    (234, 234, Op::EndFor),
    (235, 235, Op::PopIter),
    (236, 236, Op::EndSend),
    (237, 237, Op::ForIter),
    (239, 239, Op::JumpForward),
    (240, 240, Op::NotTaken),
    (241, 241, Op::PopJumpIfTrue),
    (242, 242, Op::PopJumpIfFalse),
    (243, 243, Op::PopJumpIfNone),
    (244, 244, Op::PopJumpIfNotNone),
    (245, 245, Op::Resume),
    (246, 246, Op::ReturnValue),
    (247, 247, Op::YieldValue),
    (248, 248, Op::EndAsyncFor),
    (249, 249, Op::LoadSuperAttr),
    (250, 250, Op::Call),
    (251, 251, Op::CallKw),
    (252, 252, Op::CallFunctionEx),
    (253, 253, Op::JumpBackward),
];

/// Operations by version ([`Version::column`]) and number; a form stands beside the number of what
/// it stands for.
static TABLES: LazyLock<Vec<[(Op, u8); 256]>> =
    LazyLock::new(|| Version::ALL.into_iter().map(table).collect());

fn table(version: Version) -> [(Op, u8); 256] {
    let mut ops = [(Op::Nop, 0); 256];
    for (entry, code) in ops.iter_mut().zip(0_u8..=255) {
        *entry = (Op::Unknown(code), code);
    }
    for (op, numbers) in ROWS {
        let Some(number) = numbers.get(version.column()).copied().flatten() else { continue };
        let own = usize::from(number)..=usize::from(number);
        let forms = forms(version).iter().filter(|form| form.2 == *op);
        let ranges = forms.map(|form| usize::from(form.0)..=usize::from(form.1));
        for range in ranges.chain([own]) {
            ops.get_mut(range).unwrap_or_default().fill((*op, number));
        }
    }
    ops
}

fn forms(version: Version) -> Forms {
    match version {
        Version::V3_11 => FORMS_3_11,
        Version::V3_12 => FORMS_3_12,
        Version::V3_13 => FORMS_3_13,
        Version::V3_14 => FORMS_3_14,
        _ => &[],
    }
}

impl Op {
    /// The operation that `version` gives the number `code`; a specialised or instrumented form is
    /// the operation that it stands for.
    #[must_use]
    pub fn of(version: Version, code: u8) -> Self {
        Self::with_number(version, code).0
    }

    /// As [`Op::of`], with the number of the operation itself where `code` is a form of it.
    pub(crate) fn with_number(version: Version, code: u8) -> (Self, u8) {
        let table = TABLES.get(version.column());
        let entry = table.and_then(|table| table.get(usize::from(code))).copied();
        entry.unwrap_or((Self::Unknown(code), code))
    }

    /// Units of two bytes behind the instruction that hold what a running interpreter caches.
    ///
    /// Source: `_inline_cache_entries` of `Lib/opcode.py` (3.11 to 3.13) and
    /// `Include/internal/pycore_opcode_metadata.h` (3.14).
    #[must_use]
    pub const fn caches(self, version: Version) -> u32 {
        match version {
            Version::V3_11 => self.caches_3_11(),
            Version::V3_12 | Version::V3_13 | Version::V3_14 => self.caches_later(version),
            _ => 0,
        }
    }

    const fn caches_3_11(self) -> u32 {
        match self {
            Self::BinaryOp | Self::Precall | Self::StoreSubscr | Self::UnpackSequence => 1,
            Self::CompareOp => 2,
            Self::BinarySubscr | Self::Call | Self::LoadAttr | Self::StoreAttr => 4,
            Self::LoadGlobal => 5,
            Self::LoadMethod => 10,
            _ => 0,
        }
    }

    const fn caches_later(self, version: Version) -> u32 {
        match (self, version) {
            (Self::BinaryOp, Version::V3_14) => 5,
            (Self::CallKw, Version::V3_14) => 3,
            (
                Self::BinaryOp
                | Self::BinarySubscr
                | Self::CompareOp
                | Self::ForIter
                | Self::LoadSuperAttr
                | Self::Send
                | Self::StoreSubscr
                | Self::UnpackSequence,
                _,
            ) => 1,
            (Self::Call, _) => 3,
            (Self::LoadGlobal | Self::StoreAttr, _) => 4,
            (Self::LoadAttr, _) => 9,
            (_, Version::V3_12) => 0,
            (Self::ToBool, _) => 3,
            (
                Self::ContainsOp
                | Self::JumpBackward
                | Self::PopJumpIfFalse
                | Self::PopJumpIfNone
                | Self::PopJumpIfNotNone
                | Self::PopJumpIfTrue,
                _,
            ) => 1,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_mean_what_each_version_says() {
        assert_eq!(Op::of(Version::V2_7, 30), Op::Slice0);
        assert_eq!(Op::of(Version::V3_8, 116), Op::LoadGlobal);
        assert_eq!(Op::of(Version::V3_13, 53), Op::Call);
        assert_eq!(Op::of(Version::V3_14, 52), Op::Call);
        assert_eq!(Op::of(Version::V3_13, 163), Op::Call);
        assert_eq!(Op::of(Version::V3_14, 190), Op::LoadConst);
        assert_eq!(Op::of(Version::V3_8, 0), Op::Unknown(0));
    }

    #[test]
    fn no_number_of_a_version_is_given_twice() {
        for version in Version::ALL {
            let given: Vec<u8> =
                ROWS.iter().filter_map(|(_, numbers)| numbers[version.column()]).collect();
            let known = (0..=255)
                .filter(|code| ROWS.iter().any(|(_, n)| n[version.column()] == Some(*code)));
            assert_eq!(known.count(), given.len(), "{version}");
            let taken = |code: &u8| forms(version).iter().any(|f| (f.0..=f.1).contains(code));
            assert!(!given.iter().any(taken), "{version}");
        }
    }
}
