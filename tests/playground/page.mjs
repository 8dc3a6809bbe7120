// page.mjs: uses examples/playground in Chromium like a visitor: with clicks, keys, files and two sizes of screen.
//   node page.mjs DIRECTORY CHROMIUM [SCREENSHOTS]
// It saves a model as model.safetensors, for the tests of what else reads it.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { chromium } from 'playwright-core';

const [directory, executablePath, pictures] = process.argv.slice(2);
const PATIENCE = 120000;
const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm' };

const server = createServer(async ({ url }, answer) => {
    const path = normalize(new URL(url, 'http://localhost').pathname);
    const name = path === '/' ? 'index.html' : path;
    try {
        const bytes = await readFile(join(directory, name));
        answer.writeHead(200, { 'content-type': types[extname(name)] ?? 'text/plain' }).end(bytes);
    } catch {
        answer.writeHead(404).end();
    }
});
await new Promise((resolve) => server.listen(0, resolve));
const address = `http://localhost:${server.address().port}/`;
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });

/** Opens the page and waits for the first sample. Errors in the page, and requests to elsewhere, fail the test. */
async function open(hash = '', options = {}) {
    const viewport = { width: 1360, height: 900 };
    const context = await browser.newContext({ acceptDownloads: true, viewport, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    page.on('pageerror', (error) => { throw error; });
    page.on('request', (request) => assert.ok(/^(blob:)?http:\/\/localhost:/.test(request.url()), request.url()));
    await page.goto(address + hash);
    await page.waitForFunction(() => document.getElementById('now').textContent.length > 100);
    return page;
}

const pause = (page) => page.click('#pause');

/** Waits until the sample after some characters is kept. Returns it. */
async function keptSample(page, label) {
    const find = (wanted) => [...document.querySelectorAll('#history li')]
        .find((item) => item.querySelector('b').textContent === wanted)?.querySelector('p').textContent;
    return (await page.waitForFunction(find, label)).jsonValue();
}

const tests = {
    async 'learns without a click, and its loss falls'() {
        const page = await open();
        const first = await keptSample(page, 'at first');
        const later = await keptSample(page, '10,000');
        assert.notEqual(first, later);
        await page.waitForFunction(() => Number(document.getElementById('loss').textContent) < 4.7);
        assert.match(await page.getAttribute('#curve', 'aria-label'), /bits per character.*gzip/);
        return page;
    },

    async 'pauses, steps and begins again'() {
        const page = await open();
        const trained = (wanted) => page.waitForFunction(
            (count) => document.getElementById('trained').textContent === count, wanted);
        await keptSample(page, '1,000');
        await pause(page);
        await page.click('#reset');
        await trained('0');
        for (const wanted of ['25', '50']) {
            await page.click('#step');
            await trained(wanted);
        }
        assert.equal(await page.locator('#history li').count(), 1);
        await pause(page);
        await keptSample(page, '1,000');
        return page;
    },

    async 'gives the same text for the same address, and another for another seed'() {
        const pages = await Promise.all([7, 7, 8].map((seed) => open(`#cell=gru&hidden=32&seed=${seed}`)));
        const [one, same, other] = await Promise.all(pages.map((page) => keptSample(page, '5,000')));
        assert.equal(one, same);
        assert.notEqual(one, other);
        await Promise.all(pages.slice(1).map((page) => page.context().close()));
        return pages[0];
    },

    async 'keeps the settings in the address, by mouse and by keyboard'() {
        const page = await open();
        await page.getByText('LSTM', { exact: true }).first().click();
        await page.focus('#set-hidden');
        await page.keyboard.press('ArrowRight');
        await page.focus('#set-temperature');
        await page.keyboard.press('Home');
        await page.waitForFunction(() => location.hash.includes('temperature=0'));
        assert.match(page.url(), /#cell=lstm&hidden=128&temperature=0/);
        assert.equal(await page.getAttribute('#set-hidden', 'aria-valuetext'), '128');
        return page;
    },

    async 'shows units, surprise, guesses and gates'() {
        const page = await open('#cell=lstm&hidden=32');
        await keptSample(page, '2,000');
        await pause(page);
        await page.locator('#units').scrollIntoViewIfNeeded();
        await page.click('#likes button >> nth=0');
        await page.waitForFunction(() => /follows spaces best/.test(document.getElementById('unit-note').value));
        await page.click('#units span >> nth=5');
        await page.keyboard.press('ArrowRight');
        assert.equal(await page.getAttribute('#units span >> nth=6', 'aria-selected'), 'true');
        await page.locator('#surprise-text').scrollIntoViewIfNeeded();
        await page.hover('#surprise-text span >> nth=20');
        await page.waitForFunction(() => /bits\. Expected:/.test(document.getElementById('surprise-note').value));
        await page.locator('#guesses').scrollIntoViewIfNeeded();
        await page.waitForSelector('#guesses button');
        await page.$eval('#typed', (field) => { // faster than the worker answers
            for (const text of ['Wha', 'What ', 'What say yo']) {
                field.value = text;
                field.dispatchEvent(new Event('input'));
            }
        });
        await page.waitForSelector('#guesses[aria-label$="What say yo”"]');
        assert.equal(await page.locator('#guesses button').count(), 8);
        await page.click('#guesses button >> nth=0');
        assert.equal((await page.inputValue('#typed')).length, 12);
        await page.locator('#gates').scrollIntoViewIfNeeded();
        await page.waitForFunction(() => document.querySelectorAll('#gates > div').length === 6);
        return page;
    },

    async 'shows gradients vanish and explode'() {
        const page = await open();
        await pause(page);
        const caption = (index, begins) => page.waitForFunction(
            ([i, words]) => document.querySelectorAll('#flow figcaption')[i].textContent.startsWith(words),
            [index, begins]);
        await page.locator('#scale').scrollIntoViewIfNeeded();
        await page.waitForFunction(() => document.querySelectorAll('#flow rect').length === 150);
        await caption(0, 'tanh RNN vanishes');
        await page.focus('#scale');
        await page.keyboard.press('End');
        for (let i = 0; i < 4; i++) {
            await page.keyboard.press('ArrowLeft');
        }
        await caption(0, 'tanh RNN explodes');
        await caption(2, 'LSTM holds');
        return page;
    },

    async 'learns a text of one’s own'() {
        const page = await open();
        await page.click('#own summary');
        await page.fill('#own-text', 'the old fisherman and the cat went to the sea. '.repeat(60));
        await page.click('#own-use');
        await page.waitForFunction(() => Number(document.getElementById('loss').textContent) < 1);
        await page.fill('#own-text', 'too short');
        await page.click('#own-use');
        await page.waitForFunction(() => /too short/.test(document.getElementById('alert').textContent));
        return page;
    },

    async 'saves a model and opens it again'() {
        const trained = await open('#cell=gru&hidden=32&layers=2');
        await keptSample(trained, '10,000');
        const [download] = await Promise.all([trained.waitForEvent('download'), trained.click('#save')]);
        await download.saveAs('model.safetensors');
        await trained.context().close();
        const page = await open();
        await page.setInputFiles('#open', 'model.safetensors');
        await page.waitForFunction(() => document.querySelector('#controls-network output')?.textContent === '2');
        const first = page.locator('#history li').first();
        assert.equal(await first.locator('b').textContent(), 'at first');
        const loss = await first.locator('small').textContent();
        assert.ok(parseFloat(loss) < 5.5, loss);
        await keptSample(page, '1,000');
        const bad = { name: 'bad.safetensors', mimeType: '', buffer: Buffer.from('not a model') };
        await page.setInputFiles('#open', bad);
        await page.waitForSelector('#alert:not([hidden])');
        await page.waitForFunction((count) => document.getElementById('trained').textContent !== count,
            await page.textContent('#trained'));
        assert.equal(await first.locator('small').textContent(), loss);
        return page;
    },

    async 'fits a phone, in dark'() {
        const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
        const page = await open('', { ...phone, colorScheme: 'dark' });
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
        await page.tap('#pause');
        assert.equal(await page.getAttribute('#pause', 'aria-pressed'), 'true');
        return page;
    },

    async 'names every control'() {
        const page = await open();
        const controls = 'button, input, select, textarea, [role=img], [role=group]';
        const unnamed = await page.$$eval(controls, (all) => all
            .filter((one) => !(one.ariaLabel || one.labels?.length || one.textContent.trim()))
            .map((one) => one.outerHTML));
        assert.deepEqual(unnamed, []);
        return page;
    },
};

for (const [name, test] of Object.entries(tests)) {
    const page = await test();
    if (pictures) {
        await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true, timeout: PATIENCE });
    }
    await page.context().close();
    console.log(`ok: ${name}`);
}
await browser.close();
server.close();
