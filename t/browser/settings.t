#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The panel of settings in chromium: a control for what the server lets one
# change, its effect on the stream, what the browser keeps, what the operator has
# fixed or hidden, colours; and the sentence that says why it is slow.  With
# TEST_SELKIES_SHOTS=FOLDER pictures are left there.

use warnings;
use strict;
use utf8;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Browser;
use Selkies::WebSocket;
use Selkies::X;

my $missing = Selkies::Browser->missing('/usr/bin/chromium');

plan(skip_all => $missing) if $missing;

my $t = Selkies->new(x => '1280x800', timeout => 180);

$t->conf(<<'EOC');
%%GLOBALS%%
events {}
http {
    %%GLOBALS_HTTP%%

    server {
        listen %%PORT_0%%;
        include %%WEB%%/../conf/selkies-headers.conf;
        location / {
            root %%WEB%%;
            %%SELKIES%%
            selkies_title "Test desk";
        }
        location /fixed/ {
            alias %%WEB%%/;
            %%SELKIES%%
            selkies_encoder x264enc;
            selkies_framerate 30;
            selkies_h264_fullcolor off|locked;
            selkies_clipboard_in_enabled off;
            selkies_ui_title "Named by the operator";
            selkies_ui_sidebar_show_screen_settings off;
            selkies_ui_sidebar_show_stats off;
            selkies_ui_sidebar_show_gaming_mode off;
            selkies_ui_show_core_buttons off;
        }
        location /bare/ {
            alias %%WEB%%/;
            %%SELKIES%%
            selkies_ui_show_sidebar off;
        }
    }
}
EOC

my $x = $t->x_client();

$x->tell('card');
$t->run();

my $b = Selkies::Browser->new($t, 'chromium', '/usr/bin/chromium');
my $page;

my $YES = JSON::PP::true;

sub open_page {
	my ($path, %o) = @_;

	$b->command('close') if defined $page;
	$page = $b->command('open', width => 1000, height => 760, dpr => 1, %o,
		url => 'http://localhost:' . $t->port() . $path);
	live($path);
}

sub live {
	my ($name) = @_;

	ok($b->until("globalThis.__selkies && __selkies.state === 'live'
		&& document.getElementById('tools')", 20), "$name: the page is live");

	# what the page says from here on
	$b->eval('globalThis.said = [];
		const post = Worker.prototype.postMessage;
		Worker.prototype.postMessage = function (message, ...more) {
			said.push(...message.texts ?? []);
			return post.call(this, message, ...more);
		};');
}

sub again {
	$b->eval('globalThis.old = 1; setTimeout(() => location.reload(), 0);');
	wait_for { eval { $b->eval('return globalThis.old === undefined') } } 10;
	live('loaded again');
}

sub tool {
	my ($text) = @_;

	return "[...document.querySelectorAll('#tools > button')]"
		. ".find(one => one.textContent === '$text')";
}

sub open_panel {
	ok($b->until(tool('Settings'), 10), 'the panel is offered');
	$b->eval(tool('Settings') . '.click()');
	ok($b->until("document.querySelector('.settings-panel details')", 5),
		'it opens');
}

# The controls on show, and the groups that have any.

sub controls {
	return join ' ', @{ $b->eval("return [...document.querySelectorAll(
		'.settings-panel [data-setting]')].filter(one =>
			!one.closest('details').hidden).map(one => one.dataset.setting)") };
}

sub groups {
	return join ', ', @{ $b->eval("return [...document.querySelectorAll(
		'.settings-panel details')].filter(one => !one.hidden)
		.map(one => one.querySelector('summary').textContent)") };
}

sub choose {
	my ($name, $value) = (@_, '');

	$b->eval("const input = document.getElementById('set-$name');
		if (input.type === 'checkbox') {
			input.click();
		} else {
			input.value = '$value';
			input.dispatchEvent(new Event('input', { bubbles: true }));
			input.dispatchEvent(new Event('change', { bubbles: true }));
		}");
}

# The settings that the page asked for last.

sub wished {
	my ($name) = @_;

	return $b->until("(() => { const all = said.filter(
		one => one.startsWith('SETTINGS,'));
		return all.length > 0 && JSON.parse(all.at(-1).slice(9)).$name; })()", 3);
}

sub shot {
	my ($name) = @_;
	my $folder = $ENV{TEST_SELKIES_SHOTS} or return;

	$b->eval('await new Promise(r => setTimeout(r, 500))');
	$b->command('shot', path => "$folder/$name.png");
}

###############################################################################
# what is offered, by the server's defaults

open_page('/?probe=1');
is($b->until("document.title === 'Test desk' && document.title", 5), 'Test desk',
	'the title of the desktop');
open_panel();
is(groups(), 'Picture, Speed and bandwidth, Sound, Input, Clipboard and files, '
	. 'Screen, Advanced, This page', 'the groups');
is(controls(), 'encoder h264_crf use_paint_over_quality h264_paintover_crf '
	. 'h264_fullcolor framerate rate_control_mode audio_bitrate '
	. 'use_browser_cursors clipboard_in_enabled clipboard_out_enabled '
	. 'enable_binary_clipboard h264_paintover_burst_frames '
	. 'h264_streaming_mode use_cpu', 'a control for what has an effect');
is($b->eval("return document.querySelector('[data-setting=framerate] output')
	.textContent"), '60 fps', 'a slider says its number');
is($b->eval("const input = document.getElementById('set-h264_crf');
	return [input.value, input.getAttribute('aria-valuetext')].join()"), '30,25',
	'where a lower number is better it lies at the far end');
is($b->eval("return [...document.querySelectorAll('.settings-panel :is(input, select)')]
	.filter(one => one.labels.length === 0 && !one.closest('label')).length"), 0,
	'all of them have labels');
is($b->eval("return document.querySelector('.settings-panel .act').disabled"),
	$YES, 'nothing to take back');
is($b->eval("const rows = [...document.querySelectorAll('.settings-panel .setting')]
		.filter(one => one.offsetParent !== null).map(one => [one,
			one.getBoundingClientRect()]);
	return rows.filter(([one, box], i) => i > 0 && box.top < rows[i - 1][1].bottom
		|| [...one.children].some(child => child.getBoundingClientRect().bottom
			> box.bottom + 1)).map(([one]) => one.dataset.setting).join(' ')"), '',
	'rows lie below each other');
shot('settings-light');

# effect: what was JPEG a moment later is what the decoder says

choose('encoder', 'jpeg');
ok($b->until("__selkies.stats.codec === 'jpeg'", 8), 'another encoder is in force')
	or diag($b->eval('return JSON.stringify(__selkies.stats)'));
like(controls(), qr/^encoder jpeg_quality use_paint_over_quality paint_over_jpeg_quality framerate audio_bitrate/,
	'and has controls of its own');
is(wished('encoder'), 'jpeg', 'asked for by name');

choose('encoder', 'x264enc');
ok($b->until("__selkies.stats.codec.startsWith('avc1')", 8), 'and back');

# a slider that is drawn says where it is at rest, and once

$b->eval("said.length = 0; const input = document.getElementById('set-framerate');
	for (let i = 59; i >= 12; i--) {
		input.value = String(i);
		input.dispatchEvent(new Event('input', { bubbles: true }));
	}");
is(wished('framerate'), 12, 'a slider');
is($b->eval("return said.filter(one => one.startsWith('SETTINGS,')).length"), 1,
	'its way is not told');
choose('h264_streaming_mode');
ok($b->until('__selkies.stats.fps > 5 && __selkies.stats.fps < 15', 10),
	'every picture, twelve a second')
	or diag($b->eval('return __selkies.stats.fps'));
choose('h264_streaming_mode');
choose('rate_control_mode', 'cbr');
like(controls(), qr/rate_control_mode video_bitrate/, 'a limit can be set');
unlike(controls(), qr/h264_crf/, 'where it rules there is no quality');
choose('video_bitrate', 3);
is(wished('video_bitrate'), 3, 'in Mbit/s');

# what the page does by itself

choose('clipboard_out_enabled');
is(wished('clipboard_out_enabled'), JSON::PP::false, 'a switch');

# the browser keeps it

again();
is($b->eval("return document.documentElement.dataset.theme"), 'auto',
	'colours as the system is');
open_panel();
is($b->eval("return ['framerate', 'video_bitrate', 'rate_control_mode'].map(name =>
	document.getElementById('set-' + name).value).join()"), '12,3,cbr',
	'all is as it was');
choose('h264_streaming_mode');
ok($b->until('__selkies.stats.fps > 5 && __selkies.stats.fps < 15', 10),
	'the server was told again') or diag($b->eval('return __selkies.stats.fps'));
choose('h264_streaming_mode');

# back to the server's

$b->eval("document.querySelector('.settings-panel > .row .act').click()");
is($b->eval("return document.getElementById('set-framerate').value"), 60,
	'the server\'s value again');
ok($b->until("said.some(one => one.startsWith('SETTINGS,')
	&& !one.includes('framerate'))", 3), 'and nothing asked for');
is($b->eval("return localStorage.getItem('selkies-settings:/:primary')"), '{}',
	'or kept');

# colours

$b->eval("const select = document.getElementById('theme'); select.value = 'dark';
	select.dispatchEvent(new Event('change'));");
is($b->eval("return getComputedStyle(document.body).backgroundColor"),
	'rgb(12, 15, 22)', 'dark');
is($b->eval("return [...document.querySelectorAll('meta[name=theme-color]')]
	.filter(one => matchMedia(one.media).matches).map(one => one.content).join()"),
	'#0c0f16', 'the browser\'s own frame, too');
again();
is($b->eval("return getComputedStyle(document.body).backgroundColor"),
	'rgb(12, 15, 22)', 'after a reload still');
open_panel();
shot('settings-dark');
$b->eval("const select = document.getElementById('theme'); select.value = 'light';
	select.dispatchEvent(new Event('change'));");
is($b->eval("return getComputedStyle(document.body).backgroundColor"),
	'rgb(238, 241, 246)', 'light');

# a browser that keeps nothing

$b->eval("Object.defineProperty(globalThis, 'localStorage',
	{ get() { throw new DOMException('denied', 'SecurityError'); } });");
choose('framerate', 24);
is(wished('framerate'), 24, 'without storage a change has its effect');
is($b->eval("return document.querySelector('[data-setting=framerate] output')
	.textContent"), '24 fps', 'and is on show');

# why it is slow: figures and a sentence, and the same by the toolbar's light

$b->eval(tool('Statistics') . '.click()');
ok($b->until("document.querySelector('#stats .why').textContent.length > 8", 5),
	'a sentence says why it is slow');
is($b->eval("return document.querySelector('#stats .why').dataset.quality
	=== document.querySelector('#bar .light').dataset.quality"), $YES,
	'the light has its colour');
like($b->eval("return document.querySelector('#stats dl').textContent"),
	qr/Round trip.*Server.*Left out|Round trip.*Left out.*Server/s, 'figures');
$b->eval("globalThis.stop = performance.now() + 5000;
	setTimeout(function busy() {
		const end = performance.now() + 1200;
		while (performance.now() < end) { /* what holds up a page */ }
		if (performance.now() < stop) { setTimeout(busy, 30); }
	}, 0);");
like($b->until("/^This computer is busy/.test(
	document.querySelector('#stats .why').textContent)
	&& document.querySelector('#stats .why').textContent", 10) || '',
	qr/^This computer is busy: the page was held up for \d+ ms\.$/,
	'a page that is held up is said to be');
shot('settings-stats');

###############################################################################
# what the operator has fixed, hidden and named

open_page('/fixed/?probe=1', scheme => 'dark');
is($b->until("document.title === 'Named by the operator' && document.title", 5),
	'Named by the operator', 'ui_title');
open_panel();
is(groups(), 'Picture, Speed and bandwidth, Sound, Input, Clipboard and files, '
	. 'Advanced, This page', 'a group is hidden');
is(controls(), 'h264_crf use_paint_over_quality h264_paintover_crf '
	. 'rate_control_mode audio_bitrate use_browser_cursors '
	. 'clipboard_out_enabled enable_binary_clipboard '
	. 'h264_paintover_burst_frames h264_streaming_mode use_cpu',
	'what is fixed has no control');
is(join(' | ', @{ $b->eval("return [...document.querySelectorAll(
	'.settings-panel .fixed')].filter(one => !one.hidden)
	.map(one => one.textContent)") }),
	'Fixed by the operator: Sent as: H.264, whole pictures · '
	. 'Full colour (4:4:4): off | Fixed by the operator: '
	. 'Pictures a second, at most: 30 fps | Fixed by the operator: '
	. 'Paste from this computer: off', 'but is said');
is($b->eval('return [' . join(', ', map { tool($_) . '.hidden' }
	'Fullscreen', 'Game mode', 'Keys', 'Statistics', 'Disconnect')
	. "].join(' ')"), 'false true true true true', 'buttons that are hidden');
shot('settings-fixed');

# what a browser kept of it changes nothing

$b->eval("localStorage.setItem('selkies-settings:/fixed/:primary',
	JSON.stringify({ encoder: 'jpeg', framerate: 5, h264_fullcolor: true }))");
again();
ok($b->until("__selkies.stats.codec.startsWith('avc1.42')", 8),
	'the operator\'s values are in force')
	or diag($b->eval('return __selkies.stats.codec'));

open_page('/bare/?probe=1');
is($b->eval("return document.getElementById('bar').offsetParent === null
	&& document.getElementById('bar').hidden"), $YES,
	'ui_show_sidebar: there is no toolbar');

# who watches

{
	my $owner = Selkies::WebSocket->new($t);

	$owner->send_text('SETTINGS,{"displayId":"primary","initialClientWidth":1000,'
		. '"initialClientHeight":700}');
	open_page('/?probe=1#shared');
	open_panel();
	is(groups(), 'This page', 'a viewer may change the page alone');
	is($b->eval("return said.filter(one => one.startsWith('SETTINGS')).length"), 0,
		'and asks for nothing');
	$owner->close();
}

# a phone

open_page('/?probe=1', width => 390, height => 780, mobile => $YES, dpr => 2,
	scheme => 'dark');
open_panel();
is($b->eval("return document.documentElement.scrollWidth <= innerWidth
	&& document.querySelector('#panel .body').scrollWidth
		<= document.querySelector('#panel .body').clientWidth"), $YES,
	'nothing is wider than a phone');
is($b->eval("return [...document.querySelectorAll(
	'.settings-panel :is(summary, .setting, select)')].filter(one =>
		one.offsetParent !== null && one.offsetHeight < 43.5).length"), 0,
	'fingers have 44 pixels');
shot('settings-phone');
$b->eval("document.querySelector('#panel .body').scrollTop = 1e6");
shot('settings-phone-end');

is(join("\n", @{ $b->command('problems') }), '', 'no errors, no violations');

$t->done();
