# What `cmake --install` and `cpack -G DEB` give to others: the SDK, as static libraries that hold the layers they need.
#
#   settle::client            start transactions, take part in them
#   settle::barrier_sqlite    (_postgres, _mariadb) the barrier; nobody links a driver they do not use
#   settle::testing           a coordinator for tests
#   settle::support           below all of them; nobody names it
#
# The layers themselves are not installed: their flags and include folders are this tree's own.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(SETTLE_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/settle)

# settle_sdk_library(client LAYERS client NEEDS support LIBRARIES …): libsettle_client.a of those layers' objects.
function(settle_sdk_library name)
  cmake_parse_arguments(S "" "" "LAYERS;NEEDS;LIBRARIES" ${ARGN})
  set(objects)
  foreach(layer IN LISTS S_LAYERS)
    list(APPEND objects $<TARGET_OBJECTS:settle_${layer}>)
  endforeach()
  add_library(settle_sdk_${name} STATIC ${objects})
  set_target_properties(settle_sdk_${name} PROPERTIES
    OUTPUT_NAME settle_${name} EXPORT_NAME ${name} LINKER_LANGUAGE CXX ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/sdk)
  target_include_directories(settle_sdk_${name} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(settle_sdk_${name} INTERFACE cxx_std_20)
  foreach(need IN LISTS S_NEEDS)
    target_link_libraries(settle_sdk_${name} INTERFACE settle_sdk_${need})
  endforeach()
  target_link_libraries(settle_sdk_${name} INTERFACE ${S_LIBRARIES})
  install(TARGETS settle_sdk_${name} EXPORT settle
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT sdk)
endfunction()

# settle_pkg_config(settle-testing "words" REQUIRES settle LIBS -lsettle_testing)
function(settle_pkg_config name description)
  cmake_parse_arguments(P "" "" "REQUIRES;LIBS" ${ARGN})
  set(PC_NAME ${name})
  set(PC_DESCRIPTION ${description})
  list(JOIN P_REQUIRES " " PC_REQUIRES)
  list(JOIN P_LIBS " " PC_LIBS)
  file(RELATIVE_PATH PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  string(REGEX REPLACE "/$" "" PC_PREFIX ${PC_PREFIX})
  configure_file(${CMAKE_SOURCE_DIR}/cmake/settle.pc.in ${CMAKE_BINARY_DIR}/sdk/${name}.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/sdk/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT sdk)
endfunction()

find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto)  # for SHA-256 alone
settle_sdk_library(support LAYERS base model protocol wire net digest resource_barrier
  LIBRARIES Threads::Threads OpenSSL::Crypto)
settle_sdk_library(client LAYERS client NEEDS support)
settle_sdk_library(barrier_sqlite LAYERS barrier_sqlite NEEDS support LIBRARIES sqlite3)
settle_sdk_library(barrier_postgres LAYERS barrier_postgres NEEDS support LIBRARIES pq)
settle_sdk_library(barrier_mariadb LAYERS barrier_mariadb NEEDS support LIBRARIES mariadb)
settle_sdk_library(testing LAYERS testing api_http engine store_memory participant_http NEEDS client support)
add_custom_target(settle_sdk DEPENDS
  settle_sdk_support settle_sdk_client settle_sdk_barrier_sqlite settle_sdk_barrier_postgres settle_sdk_barrier_mariadb
  settle_sdk_testing)

install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/settle DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT sdk
  FILES_MATCHING PATTERN "*.h")
install(EXPORT settle NAMESPACE settle:: FILE settle-targets.cmake DESTINATION ${SETTLE_PACKAGE_DIR} COMPONENT sdk)
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/settle-config.cmake.in ${CMAKE_BINARY_DIR}/sdk/settle-config.cmake
  INSTALL_DESTINATION ${SETTLE_PACKAGE_DIR})
# Before 1.0 a minor version may change what callers see.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/sdk/settle-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/sdk/settle-config.cmake ${CMAKE_BINARY_DIR}/sdk/settle-config-version.cmake
  DESTINATION ${SETTLE_PACKAGE_DIR} COMPONENT sdk)

settle_pkg_config(settle "Distributed transactions: client and participants" LIBS -lsettle_client -lsettle_support -lcrypto -pthread)
foreach(database "sqlite sqlite3" "postgres pq" "mariadb mariadb")
  separate_arguments(words UNIX_COMMAND ${database})
  list(GET words 0 name)
  list(GET words 1 driver)
  settle_pkg_config(settle-barrier-${name} "Distributed transactions: the barrier in ${name}" REQUIRES settle
    LIBS -lsettle_barrier_${name} -l${driver})
endforeach()
settle_pkg_config(settle-testing "Distributed transactions: a coordinator for tests" REQUIRES settle LIBS -lsettle_testing)

foreach(page LICENSE docs/sdk.md docs/barrier.md docs/api.md)
  install(FILES ${CMAKE_SOURCE_DIR}/${page} DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libsettle-dev COMPONENT sdk)
endforeach()
install(DIRECTORY ${CMAKE_SOURCE_DIR}/examples/patterns DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libsettle-dev/examples
  COMPONENT sdk FILES_MATCHING PATTERN "*.cpp" PATTERN "*.h" PATTERN "CMakeLists.txt")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME settle)
set(CPACK_PACKAGE_VENDOR settle)
set(CPACK_PACKAGE_CONTACT "the settle project <settle@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "distributed transactions: C++ SDK")
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL sdk)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_SDK_PACKAGE_NAME libsettle-dev)
set(CPACK_DEBIAN_SDK_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_SDK_PACKAGE_DEPENDS "libstdc++-12-dev, libssl-dev")
set(CPACK_DEBIAN_SDK_PACKAGE_SUGGESTS "libsqlite3-dev, libpq-dev, libmariadb-dev")
set(CPACK_COMPONENT_SDK_DESCRIPTION
  "Client, participants and barrier of settle, a coordinator of distributed transactions:\n sagas, TCC, two-phase commit and reliable messages for C++20.")
include(CPack)
