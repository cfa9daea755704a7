# The library's headers and GoogleTest's are read once, in builds that HOLDFAST_PRECOMPILE says. The dev preset reads them in
# every file, and so finds the file that forgot one.
option(HOLDFAST_PRECOMPILE "headers from outside are compiled once" OFF)
set(HOLDFAST_STANDARD_HEADERS <algorithm> <array> <atomic> <chrono> <condition_variable> <cstdint> <deque> <expected>
    <functional> <map> <memory> <mutex> <optional> <set> <span> <string> <string_view> <thread> <unordered_map> <utility>
    <variant> <vector>)
set(HOLDFAST_TEST_HEADERS <gmock/gmock.h> <gtest/gtest.h> <rapidcheck.h> <fstream> <sstream>)
# Several files of a room or program are compiled as one: half the time of a build from nothing. The other presets compile
# them one by one, and so find what one file takes from another.
option(HOLDFAST_UNITY "files of a room are compiled together" OFF)
function(holdfast_unity target)
  if(HOLDFAST_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)  # it takes an included .cpp for a header
  endif()
endfunction()

# The first target of a kind compiles them, the others take them from it.
function(holdfast_precompile target kind)
  if(NOT HOLDFAST_PRECOMPILE)
    return()
  endif()
  get_property(owner GLOBAL PROPERTY HOLDFAST_PRECOMPILED_${kind})
  if(owner)
    target_precompile_headers(${target} REUSE_FROM ${owner})
  else()
    target_precompile_headers(${target} PRIVATE ${ARGN})
    set_property(GLOBAL PROPERTY HOLDFAST_PRECOMPILED_${kind} ${target})
  endif()
endfunction()

# holdfast_room(NAME USES room... LIBRARIES target...)
# A room is a folder of src/: its *.cpp are one library, its *_test.cpp one test program. USES are the arrows that
# tests/tidy checks against the includes.
function(holdfast_room name)
  cmake_parse_arguments(ROOM "" "" "USES;LIBRARIES" ${ARGN})
  if(NOT IS_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/${name})
    return()
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${name}/*.cpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(TRANSFORM ROOM_USES PREPEND holdfast_)
  if(sources)
    add_library(holdfast_${name} STATIC ${sources})
    holdfast_precompile(holdfast_${name} ROOM ${HOLDFAST_STANDARD_HEADERS})
    holdfast_unity(holdfast_${name})
    set(scope PUBLIC)
  else()
    add_library(holdfast_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(holdfast_${name} ${scope} ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(holdfast_${name} ${scope} ${ROOM_USES} ${ROOM_LIBRARIES} Threads::Threads)
  if(tests)
    holdfast_test(${name}_test SOURCES ${tests} USES ${name})
  endif()
endfunction()

# holdfast_test(NAME SOURCES file... USES room...)
function(holdfast_test name)
  cmake_parse_arguments(TEST "" "TIMEOUT" "SOURCES;USES;LIBRARIES" ${ARGN})
  list(TRANSFORM TEST_USES PREPEND holdfast_)
  add_executable(${name} ${TEST_SOURCES})
  holdfast_precompile(${name} TEST ${HOLDFAST_STANDARD_HEADERS} ${HOLDFAST_TEST_HEADERS})
  # Half of a build was the optimizing of test code; what it tests is optimized as ever. (FORTIFY wants to be optimized; and
  # ASan's use-after-return, which the rooms have, made half of a test's time.)
  target_compile_options(${name} PRIVATE -O0 -U_FORTIFY_SOURCE)
  if(HOLDFAST_SANITIZE MATCHES address)
    target_compile_options(${name} PRIVATE -fsanitize-address-use-after-return=never)
  endif()
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/src ${RAPIDCHECK_INCLUDE})
  target_link_libraries(${name} PRIVATE ${TEST_USES} ${TEST_LIBRARIES} holdfast_openssl GTest::gmock GTest::gtest_main ${RAPIDCHECK_LIBRARY})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 600)  # on a machine that does other things, too
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${TEST_TIMEOUT}
    ENVIRONMENT "HOLDFAST_VECTORS=$ENV{HOLDFAST_VECTORS};HOLDFAST_SOURCE=${CMAKE_SOURCE_DIR};HOLDFAST_BIN=${CMAKE_BINARY_DIR}/bin")
endfunction()
