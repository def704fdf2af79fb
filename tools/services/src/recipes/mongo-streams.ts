import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pinned } from '../install.ts';
import { buildJava, type JavaProgram, missingForJava } from '../maven-jars.ts';
import { mongoDocker, probeMongo } from '../mongo-server.ts';
import type { Facts, Recipe } from '../recipe.ts';

const version = '1.47.0';

const program: JavaProgram = {
  needs: [
    `de.bwaldvogel:mongo-java-server:${version}`,
    `de.bwaldvogel:mongo-java-server-h2-backend:${version}`,
    'org.slf4j:slf4j-nop:2.0.17',
  ],
  hashes: {
    'h2-2.3.232.jar': '8dae62d22db8982c3dcb3826edb9c727c5d302063a67eef7d63d82de401f07d3',
    'mongo-java-server-1.47.0.jar': '37fc487ab0ef924dee0acdc62e2de1ef1daffa7eb2fdf9b56e5d2f3bdc2b909b',
    'mongo-java-server-core-1.47.0.jar': '9a34c9ad6ac6261906295481838256033ec1efc8c93a3e3828e5d47a006b0bd4',
    'mongo-java-server-h2-backend-1.47.0.jar': '58ca6760a25f8a05adfe8a0f7a8a042ca22bd472869028755931507cdce20e71',
    'mongo-java-server-memory-backend-1.47.0.jar': '82864f8a2ede1514f64c2cd3a70e8022c259eb3d78975cfa208c1668ac1f12bb',
    'netty-buffer-4.2.2.Final.jar': '4820eeb2d3db269b20b30711e3d7d21979664249aaf10fc67f90dee935810747',
    'netty-codec-4.2.2.Final.jar': '6a4ea3cedc831a377e20e32da5df4d2a47b954810e941138e3358e313db3a7f9',
    'netty-codec-base-4.2.2.Final.jar': '76987614ccb2fda7d3292b69ba5b61351f30e91bf5c7d8fa4b51bc32c9f67456',
    'netty-codec-compression-4.2.2.Final.jar': '005734e20aceb5e2c030033f7e042c81ee444497efd110cfca8de445642652ac',
    'netty-codec-marshalling-4.2.2.Final.jar': 'ae8bb7a077ca02357c922e3abc1acf1bf191d5e2776721d69cbca50a16281096',
    'netty-codec-protobuf-4.2.2.Final.jar': 'cfe0c7e6e68d83480a639b533eb7edaaf3252cfae8b73d0e362859673a4f9d97',
    'netty-common-4.2.2.Final.jar': '5d022f3acad74cb0f195f60213500a4000d1340e5e941edaf1a0e756686b9bae',
    'netty-handler-4.2.2.Final.jar': 'd4ef582c78125457baa0cfa52992b5fb1bb9172d1a2c03b726e8b26e17d3fe2c',
    'netty-resolver-4.2.2.Final.jar': 'fa7841ffe2e39d52251814fb8560d6936b10ae7c67453ee50426b83fd5170ba0',
    'netty-transport-4.2.2.Final.jar': '116d766a1af4722fe76a4cdaed969644985d44e08ec1337d2dbab697dd109603',
    'netty-transport-native-unix-common-4.2.2.Final.jar':
      'aa8821a7ea2ca47f62740bd1f37d67deb97824cc77e76dde6ae2c439a923fc9d',
    'slf4j-api-2.0.17.jar': '7b751d952061954d5abfed7181c1f645d336091b679891591d63329c622eb832',
    'slf4j-nop-2.0.17.jar': '3716f83649ec66161a2edefd4f49df34d1dd1c51cdcf941996c6987260f0a829',
  },
  source: fileURLToPath(new URL('../../java/MongoStreams.java', import.meta.url)),
};

/** It says that it is the MongoDB whose clients it takes. */
async function probeLocal(url: string): Promise<Facts> {
  return { ...(await probeMongo(url)), version: `mongo-java-server ${version}` };
}

/**
 * mongo-java-server, for the change streams that FerretDB has not. It has neither transactions nor sessions, and a kill may lose what it
 * took in the last few milliseconds.
 */
export const mongoStreams: Recipe = {
  name: 'mongo-streams',
  server: 'MongoDB',
  localHow: 'other-engine',
  probe: probeMongo,
  docker: mongoDocker,
  missing: missingForJava,
  async install(cache) {
    const source = await readFile(program.source, 'utf8');
    const name = pinned('mongo-streams', ...Object.values(program.hashes), source);
    const folder = await cache.folder(name, (empty) => buildJava(empty, program));
    return async (context) => {
      const port = await context.port('mongo');
      context.spawn('java', [
        ...['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
        ...['-cp', [join(folder, 'classes'), join(folder, 'lib', '*')].join(delimiter)],
        ...['MongoStreams', String(port), join(context.data, 'data.mv')],
      ]);
      const url = `mongodb://127.0.0.1:${port}/`;
      return { url, ...(await context.ready(() => probeLocal(url))) };
    };
  },
};
