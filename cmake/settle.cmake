# One target per folder: settle_layer(engine SOURCES … MAY_INCLUDE protocol …) makes `settle_engine`.
# MAY_INCLUDE repeats the table of ARCHITECTURE.md; tests/lint holds both against the #include lines.

add_library(settle_flags INTERFACE)
target_include_directories(settle_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
target_compile_options(settle_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
  -Wformat=2 -Werror -fno-strict-aliasing -fstack-protector-strong)
target_compile_definitions(settle_flags INTERFACE _GLIBCXX_ASSERTIONS)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(settle_flags INTERFACE -Wthread-safety -Wdangling)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports false positives here once std::string is inlined.
  target_compile_options(settle_flags INTERFACE
    -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds -Wno-maybe-uninitialized)
endif()
if(SETTLE_SANITIZE)
  target_compile_options(settle_flags INTERFACE -fsanitize=${SETTLE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(settle_flags INTERFACE -fsanitize=${SETTLE_SANITIZE})
endif()
find_program(SETTLE_MOLD mold)
if(SETTLE_MOLD)
  target_link_options(settle_flags INTERFACE -fuse-ld=mold)
endif()

function(settle_layer name)
  cmake_parse_arguments(L "" "" "SOURCES;MAY_INCLUDE;LIBRARIES" ${ARGN})
  if(L_SOURCES)
    add_library(settle_${name} STATIC ${L_SOURCES})
    set(how PUBLIC)
  else()
    add_library(settle_${name} INTERFACE)
    set(how INTERFACE)
  endif()
  target_link_libraries(settle_${name} ${how} settle_flags ${L_LIBRARIES})
  foreach(layer IN LISTS L_MAY_INCLUDE)
    target_link_libraries(settle_${name} ${how} settle_${layer})
  endforeach()
endfunction()

function(settle_binary name)
  cmake_parse_arguments(B "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  add_executable(${name} ${B_SOURCES})
  target_link_libraries(${name} PRIVATE settle_flags ${B_LIBRARIES})
  foreach(layer IN LISTS B_USES)
    target_link_libraries(${name} PRIVATE settle_${layer})
  endforeach()
endfunction()

# What nearly every test file includes takes half of its compile time, so it is compiled once. Not with g++: there a file
# that forgets an #include is noticed.
function(settle_precompile_for_tests name)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR SETTLE_FUZZ)
    return()
  endif()
  if(NOT TARGET settle_test_headers)
    file(CONFIGURE OUTPUT test_headers.cpp CONTENT "")  # touched only if it is new
    add_library(settle_test_headers OBJECT ${CMAKE_CURRENT_BINARY_DIR}/test_headers.cpp)
    target_link_libraries(settle_test_headers PRIVATE settle_flags GTest::gtest)
    settle_leave_tests_unoptimized(settle_test_headers)
    target_precompile_headers(settle_test_headers PRIVATE
      <gtest/gtest.h> <algorithm> <atomic> <chrono> <filesystem> <functional> <map> <memory> <optional> <set> <sstream>
      <string> <string_view> <thread> <vector>)
    target_compile_options(settle_test_headers PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
  target_compile_options(${name} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")  # ccache compares contents
  target_precompile_headers(${name} REUSE_FROM settle_test_headers)
endfunction()

function(settle_leave_tests_unoptimized name)
  if(CMAKE_BUILD_TYPE STREQUAL "Debug")
    target_compile_options(${name} PRIVATE -O0)  # half of the build's time; what is tested keeps its optimization
  endif()
endfunction()

# settle_test(engine_test SOURCES shard_test.cpp USES engine): a GoogleTest program, one ctest entry.
function(settle_test name)
  if(SETTLE_SIM_ONLY)
    return()
  endif()
  find_package(GTest REQUIRED)
  cmake_parse_arguments(T "" "TIMEOUT" "SOURCES;USES;LIBRARIES" ${ARGN})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 900)
  endif()
  settle_binary(${name} SOURCES ${T_SOURCES} USES ${T_USES} LIBRARIES GTest::gtest_main ${T_LIBRARIES})
  settle_leave_tests_unoptimized(${name})
  settle_precompile_for_tests(${name})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${T_TIMEOUT})
  if(SETTLE_SANITIZE MATCHES thread)
    set_tests_properties(${name} PROPERTIES ENVIRONMENT TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/cmake/tsan.supp)
  endif()
endfunction()

# settle_fuzz(http_head_fuzz SOURCES … USES …): with SETTLE_FUZZ a libFuzzer program, otherwise nothing.
function(settle_fuzz name)
  if(NOT SETTLE_FUZZ)
    return()
  endif()
  settle_binary(${name} ${ARGN})
  if(NOT TARGET fuzzers)
    add_custom_target(fuzzers)
  endif()
  add_dependencies(fuzzers ${name})
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endfunction()
